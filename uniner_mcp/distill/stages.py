"""A stage of the recipe, and the manifest that it leaves beside its output: of what, how, and how much was made.

A stage whose manifest still holds is not done again.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, JsonValue, ValidationError

import uniner_mcp
from uniner_mcp.engines.nano.manifest import file_hash
from uniner_mcp.errors import RequestError

Counts = Mapping[str, JsonValue]
"""What a stage says of its work."""


class Manifest(BaseModel):
    """What an output was made of. Hashes are SHA-256, of a folder that of all its files; `finished`: when, or None."""

    stage: str
    settings: dict[str, JsonValue]
    inputs: dict[str, str]
    made_by: str = f"uniner-mcp {uniner_mcp.__version__}"
    finished: str | None = None
    output: str | None = None
    counts: dict[str, JsonValue] = {}


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage, ready to be done.

    out: the file or folder that it writes, and `result` the part of it that the next stage reads. unfinished: what is
    there of an earlier run is begun anew (`again`), taken up if settings and inputs are the same (`same`), or if the
    settings are (`rows`: each row stands for itself). What cannot be taken up is set aside, never deleted. whole: says
    of the counts that work returned whether nothing is missing that the same call may still bring.
    """

    name: str
    out: Path
    result: Path
    settings: Mapping[str, JsonValue]
    inputs: Sequence[Path]
    work: Callable[[], Counts]
    unfinished: Literal["again", "same", "rows"] = "again"
    whole: Callable[[Counts], bool] = lambda counts: True


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a stage ended. `skipped`: nothing was to be done; `aside`: where earlier work was moved that did not fit."""

    manifest: Manifest
    skipped: bool
    aside: Path | None


def perform(stage: Stage) -> Outcome:
    """Do a stage, unless its manifest says that it is done with these settings and inputs, and its output is whole.

    Of several processes (`accelerate launch`), all do it, and the first one writes the manifest. Raises RequestError
    where an input is missing.
    """
    for path in stage.inputs:
        if not path.exists():
            raise RequestError(f"There is no {path}, of which {stage.out} is to be made.")
    if os.environ.get("RANK", "0") != "0":
        made = Manifest(stage=stage.name, settings=dict(stage.settings), inputs={}, counts=dict(stage.work()))
        return Outcome(made.model_copy(update={"finished": _now()}), skipped=False, aside=None)
    wanted = Manifest(
        stage=stage.name,
        settings=dict(stage.settings),
        inputs={str(path): digest(path) for path in stage.inputs},
    )
    before = read_manifest(stage.out)
    same_settings = before is not None and before.settings == wanted.settings
    # Files may have moved: it is what stands in them that counts.
    same = before is not None and same_settings and [*before.inputs.values()] == [*wanted.inputs.values()]
    alone = os.environ.get("WORLD_SIZE", "1") == "1"
    done = before is not None and same and before.finished is not None and stage.result.exists()
    if alone and before is not None and done and before.output == digest(stage.result):
        return Outcome(before, skipped=True, aside=None)
    takes_up = {"again": True, "same": same, "rows": same_settings}[stage.unfinished] or not alone
    aside = None if takes_up or before is None or not stage.out.exists() else _set_aside(stage.out)
    stage.out.parent.mkdir(parents=True, exist_ok=True)
    _write(stage.out, wanted)
    counts = stage.work()
    now = _now() if stage.whole(counts) else None
    made = wanted.model_copy(update={"finished": now, "output": digest(stage.result), "counts": dict(counts)})
    _write(stage.out, made)
    return Outcome(made, skipped=False, aside=aside)


def digest(path: Path) -> str:
    """SHA-256 of a file, or of the names and contents of all files in a folder."""
    if not path.is_dir():
        return file_hash(path)
    files = sorted(found for found in path.rglob("*") if found.is_file())
    lines = (f"{found.relative_to(path).as_posix()} {file_hash(found)}\n" for found in files)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def manifest_path(out: Path) -> Path:
    """The manifest of an output stands beside it."""
    return out.with_name(f"{out.name.removesuffix('.jsonl')}.manifest.json")


def read_manifest(out: Path) -> Manifest | None:
    """The manifest of an output; None where there is none that can be read."""
    try:
        return Manifest.model_validate_json(manifest_path(out).read_bytes())
    except (OSError, ValidationError):
        return None


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _write(out: Path, manifest: Manifest) -> None:
    manifest_path(out).write_text(manifest.model_dump_json(indent=1) + "\n", encoding="utf-8")


def _set_aside(out: Path) -> Path:
    number = 1
    while (aside := out.with_name(f"{out.name}.before-{number}")).exists():
        number += 1
    return out.rename(aside)
