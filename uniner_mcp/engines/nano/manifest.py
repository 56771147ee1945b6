"""The description of a folder of student weights (`nano.json`), which is read before the weights."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from uniner_mcp.errors import EngineError, EngineUnavailable
from uniner_mcp.schema import Accuracy
from uniner_mcp.types import files

SHIPPED = Path(__file__).with_name("model")
"""The weights in the package."""
FILES = ("table.npy", "table_scale.npy", "text.onnx", "roles.npy", "tokenizer.json")
"""Files in a folder of weights, besides `nano.json`, `scores.json` and the model card."""


class Manifest(BaseModel):
    """The model's name, the constants of its scores, and the SHA-256 of its files and of those of the type encoder."""

    model_config = ConfigDict(frozen=True)

    model: str
    threshold: float
    scale: tuple[float, float, float]
    bias: tuple[float, float, float]
    link: tuple[float, float]
    calibration: tuple[float, float] = (1.0, 0.0)
    sha256: dict[str, str]
    types_sha256: dict[str, str]
    base: str = ""
    training: dict[str, object] = {}
    validation: dict[str, dict[str, float]] = {}

    @property
    def fingerprint(self) -> str:
        """A hash of the weights and of the constants of the scores."""
        parts = [
            self.model,
            repr(self.threshold),
            repr(self.scale),
            repr(self.bias),
            repr(self.link),
            repr(self.calibration),
            *sorted(self.sha256.values()),
            *sorted(self.types_sha256.values()),
        ]
        return "nano-" + hashlib.sha256("\n".join(parts).encode()).hexdigest()[:24]


class Scores(BaseModel):
    """Measured accuracy (`scores.json`, written by benchmarks/accuracy.py): per set, and per domain."""

    measured: str
    sets: dict[str, dict[str, float]]
    domains: dict[str, Accuracy] = {}


def read_manifest(folder: Path) -> Manifest:
    """Read `nano.json`. Raises EngineError if it is missing or not valid."""
    try:
        return Manifest.model_validate_json((folder / "nano.json").read_bytes())
    except OSError:
        raise EngineUnavailable(
            f"There is no nano.json in {folder}: reinstall uniner-mcp, or set `nano_path` to a folder with a model."
        ) from None
    except ValidationError:
        raise EngineUnavailable(f"{folder / 'nano.json'} is not a nano manifest: reinstall uniner-mcp.") from None


def read_scores(folder: Path) -> Scores | None:
    """Read `scores.json`, or return None if it does not exist. Raises EngineError if it is not valid."""
    path = folder / "scores.json"
    try:
        return Scores.model_validate_json(path.read_bytes()) if path.exists() else None
    except ValidationError:
        raise EngineError(f"{path} is not a file of scores: delete it, or reinstall uniner-mcp.") from None


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def damaged_files(folder: Path, manifest: Manifest) -> list[str]:
    """Return the names of files that are missing or do not have the hash in the manifest."""
    return [*_damaged(folder, FILES, manifest.sha256), *_damaged(files.MODEL, files.FILES, manifest.types_sha256)]


def _damaged(folder: Path, files: Iterable[str], hashes: Mapping[str, str]) -> list[str]:
    return [name for name in files if not (folder / name).is_file() or file_hash(folder / name) != hashes.get(name)]
