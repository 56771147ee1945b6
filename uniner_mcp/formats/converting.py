"""Convert annotated files, and whole sets of them, from one format into another."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from uniner_mcp.errors import RequestError
from uniner_mcp.formats.reading.choice import SUFFIXES, read
from uniner_mcp.formats.reading.options import Options
from uniner_mcp.formats.writing.choice import Format
from uniner_mcp.formats.writing.losses import Losses

CARD = "card.json"
_NO_SPLITS = frozenset({CARD, "dataset_infos.json"})


@dataclass(frozen=True, slots=True)
class Conversion:
    """A file that was converted, and what its new format does not hold."""

    source: Path
    target: Path
    documents: int
    mentions: int
    losses: Losses


def convert(source: Path, target: Path, form: Format, options: Options, expected: str | None) -> Iterator[Conversion]:
    """Convert a file, or each split of a set, and yield what was done.

    source: a file, a folder in brat's format, or a folder with several of them, whose card is copied. expected: the
    name of the format that the sources should have, None for any. Raises RequestError if a source cannot be read or has
    another format, or if a target exists.
    """
    if not source.exists():
        raise RequestError(f"There is no {source}: check the name.")
    splits = _splits(source) if source.is_dir() else {}
    if not splits:
        yield _converted(source, target, form, options, expected)
        return
    for name, split in splits.items():
        yield _converted(split, target / f"{name}{form.suffix}", form, options, expected)
    if (source / CARD).is_file():
        shutil.copyfile(source / CARD, target / CARD)


def _splits(folder: Path) -> dict[str, Path]:
    """Return the files and brat folders in a folder by name without suffix; none if it is in brat's format itself."""
    if any(folder.glob("*.ann")):
        return {}
    splits: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        suffix = next((suffix for suffix in SUFFIXES if path.name.endswith(suffix)), None)
        if path.is_dir() and any(path.glob("*.ann")):
            suffix = ""
        if suffix is None or path.name in _NO_SPLITS:
            continue
        name = path.name.removesuffix(suffix)
        if name in splits:
            raise RequestError(f"{folder} has {splits[name].name} and {path.name}: convert one of them by its name.")
        splits[name] = path
    if not splits:
        raise RequestError(
            f"{folder} contains no annotated files: their names end with {', '.join(SUFFIXES)}, or .ann."
        )
    return splits


def _converted(source: Path, target: Path, form: Format, options: Options, expected: str | None) -> Conversion:
    try:
        reading = read(source, options)
    except OSError as error:
        raise RequestError(f"Cannot read {source}: {error.strerror}.") from None
    if expected not in (None, reading.form):
        raise RequestError(
            f"{source} is in the format {reading.form}, not {expected}: leave out --from, or check the file."
        )
    if target.exists():
        raise RequestError(f"{target} exists: remove it, or give another name.")
    try:
        losses = form.write(reading.documents, target)
    except OSError as error:
        raise RequestError(f"Cannot write {target}: {error.strerror}.") from None
    mentions = sum(len(document.entities) + len(document.discontinuous) for document in reading.documents)
    return Conversion(source, target, len(reading.documents), mentions, losses)
