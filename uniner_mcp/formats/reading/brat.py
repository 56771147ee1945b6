"""Annotated passages in brat's standoff format: `NAME.txt` and `NAME.ann`, with lines `T1<tab>Type 0 5<tab>text`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from uniner_mcp.formats.documents import Document, Span


def read_brat(folder: Path) -> Iterator[Document]:
    """Yield the documents of a folder, by name. Offsets are code points; discontinuous mentions keep their first part.

    Raises ValueError, with file and line, if a text-bound line cannot be read or is outside the text.
    """
    for path in sorted(folder.glob("*.ann")):
        with path.with_suffix(".txt").open(encoding="utf-8", newline="") as file:
            text = file.read()
        entities: list[Span] = []
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            if not line.startswith("T"):
                continue
            try:
                _, where, _ = line.split("\t", 2)
                kind, start, end = where.split(";")[0].split(" ")
                entities.append(_gold(text, kind, int(start), int(end)))
            except ValueError:
                raise ValueError(
                    f"{path}, line {number}: expected a mention such as `T1<tab>Type 0 5<tab>text`."
                ) from None
        yield Document(path.stem, text, tuple(entities))


def _gold(text: str, kind: str, start: int, end: int) -> Span:
    if not 0 <= start < end <= len(text):
        raise ValueError
    return Span(text[start:end], " ".join(kind.replace("_", " ").replace("-", " ").lower().split()), start, end)
