"""brat standoff: `NAME.txt`, and `NAME.ann` with lines such as `T1<tab>Type 0 5<tab>text`.

Source: brat.nlplab.org/standoff.html. Lines of `.ann` end at line feeds only. Mentions over a line end are written as
fragments (`0 5;6 9`), with a space for the line end in the third column.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from uniner_mcp.errors import RequestError
from uniner_mcp.formats.documents import Document
from uniner_mcp.formats.reading.files import Misfit, lines_of, misread, text_of
from uniner_mcp.formats.reading.mentions import Mentions
from uniner_mcp.formats.reading.options import Options


def read_brat(folder: Path, options: Options) -> Iterator[Document]:
    """Yield the documents of a folder, by name; a text without an `.ann` file is not annotated.

    Raises RequestError, with file and line, if a text-bound line cannot be read or contradicts the text.
    """
    for name in sorted({path.stem for suffix in ("ann", "txt") for path in folder.glob(f"*.{suffix}")}):
        text, annotation = folder / f"{name}.txt", folder / f"{name}.ann"
        if not text.is_file():
            raise RequestError(f"{text} is missing: brat needs it beside {annotation.name}.")
        mentions = Mentions(text_of(text), options.offsets)
        if annotation.is_file():
            _read(annotation, mentions)
        yield mentions.document(name, None if annotation.is_file() else ())


def _read(path: Path, mentions: Mentions) -> None:
    for number, line in lines_of(path):
        if not line.startswith("T"):
            continue
        try:
            _, where, said = line.split("\t", 2)
            kind, _, places = where.partition(" ")
            fragments = [(int(start), int(end)) for start, end in (part.split(" ") for part in places.split(";"))]
        except ValueError:
            raise misread(path, f"line {number}", "expected a mention such as `T1<tab>Type 0 5<tab>text`.") from None
        try:
            mentions.add(kind, *fragments, said=said)
        except Misfit as error:
            raise misread(path, f"line {number}", error) from None
