"""brat standoff: `NAME.txt` and `NAME.ann` in a folder.

Source: brat.nlplab.org/standoff.html and brat's `annotation.py`. brat ends the lines of `.ann` wherever Python's
`str.splitlines` does, so that a mention over any of these characters is written in fragments around it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import count
from pathlib import Path

from uniner_mcp.formats.documents import Document
from uniner_mcp.formats.writing.losses import DISCONTINUOUS, IDS, UNANNOTATED, Losses, count_losses, spelt

LINE_ENDS = "mentions that begin or end with a line end"
_END = "[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]"
_GAP = re.compile(rf"\s*{_END}\s*")
_FILE_NAME = re.compile(r"""[^\x00-\x1f/\\:*?"<>|. ]([^\x00-\x1f/\\:*?"<>|]{0,98}[^\x00-\x1f/\\:*?"<>|. ])?""")

_OVERLAPS = "<OVERLAP> Arg1:<ENTITY>, Arg2:<ENTITY>, <OVL-TYPE>:<ANY>"
"""Without this line in its configuration, brat marks every mention that overlaps another as an error."""

Fragments = Sequence[tuple[int, int]]


def write_brat(documents: Iterable[Document], folder: Path, losses: Losses) -> None:
    """Write the documents, and an `annotation.conf` with their types, into a new folder.

    A document is named after its id, or by a number if that is no file name. One that was not annotated has no `.ann`
    file.
    """
    folder.mkdir(parents=True)
    types: dict[str, None] = {}
    for document in documents:
        name = _file_name(document.id, folder)
        losses.update([IDS] if name != document.id else [])
        (folder / f"{name}.txt").write_bytes(document.text.encode())
        written = brat_lines(document, losses)
        if document.asked != ():
            (folder / f"{name}.ann").write_bytes(written.encode())
        types |= dict.fromkeys(line.split("\t")[1].split(" ")[0] for line in written.split("\n")[:-1])
    lines = ["[entities]", *types, "[relations]", _OVERLAPS, "[events]", "[attributes]", ""]
    (folder / "annotation.conf").write_text("\n".join(lines), encoding="utf-8", newline="\n")


def encode_brat(documents: Iterable[Document], losses: Losses) -> Iterator[bytes]:
    """Yield the `.ann` file of each document, whose texts are elsewhere."""
    for document in documents:
        yield brat_lines(document, losses).encode()


def brat_lines(document: Document, losses: Losses) -> str:
    """Return the `.ann` file of a document."""
    count_losses(document, losses, (DISCONTINUOUS, UNANNOTATED))
    mentions: list[tuple[str, Fragments]] = [(one.type, [(one.start, one.end)]) for one in document.entities]
    mentions += [(one.type, one.fragments) for one in document.discontinuous]
    lines: list[str] = []
    for kind, fragments in mentions:
        parts = [part for fragment in fragments for part in _around_line_ends(document.text, *fragment)]
        if any(start == end for start, end in parts):
            losses[LINE_ENDS] += 1
            continue
        places = ";".join(f"{start} {end}" for start, end in parts)
        text = " ".join(document.text[start:end] for start, end in parts)
        lines.append(f"T{len(lines) + 1}\t{spelt(kind, losses)} {places}\t{text}\n")
    return "".join(lines)


def _around_line_ends(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield the parts of a mention between its line ends; an empty part if it begins or ends with one."""
    for gap in _GAP.finditer(text, start, end):
        yield start, gap.start()
        start = gap.end()
    yield start, end


def _file_name(id: str, folder: Path) -> str:
    names = (f"document-{number}" for number in count(1))
    name = id if _FILE_NAME.fullmatch(id) else next(names)
    while (folder / f"{name}.txt").exists():
        name = next(names)
    return name
