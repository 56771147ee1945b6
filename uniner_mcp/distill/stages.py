"""A stage of the recipe, and the manifest that it writes beside its output: inputs, settings and counts.

A stage whose manifest is up to date is not run again.
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
"""What a stage reports about its work."""


class Manifest(BaseModel):
    """What an output was built from. Hashes are SHA-256 (for a folder: of all files); finished: the time, or None."""

    stage: str
    settings: dict[str, JsonValue]
    inputs: dict[str, str]
    made_by: str = f"uniner-mcp {uniner_mcp.__version__}"
    finished: str | None = None
    output: str | None = None
    counts: dict[str, JsonValue] = {}


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage, ready to run.

    out: the file or folder that it writes; result: the part of it that the next stage reads. unfinished: what happens
    to the output of an earlier run: the stage starts over (`again`), or resumes if settings and inputs are the same
    (`same`), or if the settings are (`rows`: each row is independent). Output that cannot be resumed is moved aside,
    never deleted. whole: whether, by the counts that `work` returned, the output is complete; if not, running the stage
    again may add what is missing.
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
    """How a stage ended. skipped: it was up to date; aside: where output with other settings or inputs was moved."""

    manifest: Manifest
    skipped: bool
    aside: Path | None


def perform(stage: Stage) -> Outcome:
    """Run a stage, unless its manifest shows that it finished with these settings and inputs, and its output is intact.

    With several processes (`accelerate launch`), all of them do the work, and the first one writes the manifest. Raises
    RequestError if an input is missing.
    """
    for path in stage.inputs:
        if not path.exists():
            raise RequestError(
                f"There is no {path}, which {stage.name} reads: check the path, or run the stage that writes it first."
            )
    if not stage.out.name:
        raise RequestError(f"{stage.out} cannot be written to: give the output a name of its own.")
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
    # Files may have moved: only their contents count.
    same = before is not None and same_settings and [*before.inputs.values()] == [*wanted.inputs.values()]
    alone = os.environ.get("WORLD_SIZE", "1") == "1"
    done = before is not None and same and before.finished is not None and stage.result.exists()
    if alone and before is not None and done and before.output == digest(stage.result):
        return Outcome(before, skipped=True, aside=None)
    resumes = {"again": True, "same": same, "rows": same_settings}[stage.unfinished] or not alone
    aside = None if resumes or before is None or not stage.out.exists() else _set_aside(stage.out)
    stage.out.parent.mkdir(parents=True, exist_ok=True)
    _write(stage.out, wanted)
    counts = stage.work()
    now = _now() if stage.whole(counts) else None
    made = wanted.model_copy(update={"finished": now, "output": digest(stage.result), "counts": dict(counts)})
    _write(stage.out, made)
    return Outcome(made, skipped=False, aside=aside)


def digest(path: Path) -> str:
    """Return the SHA-256 of a file, or of the names and contents of all files in a folder."""
    if not path.is_dir():
        return file_hash(path)
    files = sorted(found for found in path.rglob("*") if found.is_file())
    lines = (f"{found.relative_to(path).as_posix()} {file_hash(found)}\n" for found in files)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def manifest_path(out: Path) -> Path:
    """Return the path of the manifest, beside the output."""
    return out.with_name(f"{out.name.removesuffix('.jsonl')}.manifest.json")


def read_manifest(out: Path) -> Manifest | None:
    """Read the manifest of an output; None if there is none or it cannot be read."""
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
