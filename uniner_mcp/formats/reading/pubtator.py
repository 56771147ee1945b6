"""PubTator: `ID|t|title`, `ID|a|abstract`, and lines `ID<tab>start<tab>end<tab>mention<tab>type[<tab>identifier]`.

Offsets count from the beginning of the title; the abstract follows after one character. Blank lines separate documents.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from uniner_mcp.formats.documents import Document
from uniner_mcp.formats.reading.files import Misfit, lines_of, misread
from uniner_mcp.formats.reading.mentions import Mentions
from uniner_mcp.formats.reading.options import Options

HEAD = re.compile(r"([^|\t]+)\|([ta])\|(.*)")

_Line = tuple[int, str]


def read_pubtator(path: Path, options: Options) -> Iterator[Document]:
    """Yield the documents of a file. Raises RequestError, with file and line, if a line does not fit."""
    for lines in _documents(path):
        yield _read(path, lines, options)


def _documents(path: Path) -> Iterator[list[_Line]]:
    lines: list[_Line] = []
    for number, line in lines_of(path):
        if line.strip():
            lines.append((number, line))
        elif lines:
            yield lines
            lines = []
    if lines:
        yield lines


def _read(path: Path, lines: list[_Line], options: Options) -> Document:
    heads = [head for _, line in lines[:2] if (head := HEAD.fullmatch(line)) is not None]
    if [head[2] for head in heads] not in (["t"], ["t", "a"]):
        raise misread(path, f"line {lines[0][0]}", "expected a title (`ID|t|…`) and an abstract (`ID|a|…`).")
    name = heads[0][1]
    mentions = Mentions("\n".join(head[3] for head in heads), options.offsets)
    for number, line in lines[len(heads) :]:
        columns = line.split("\t")
        if columns[0] != name:
            raise misread(path, f"line {number}", "expected the identifier of the document, or a blank line before it.")
        if len(columns) > 1 and not columns[1].isdecimal():
            continue  # A relation, which begins with its name.
        try:
            _, start, end, said, kind = columns[:5]
            mentions.add(kind, (int(start), int(end)), said=said)
        except Misfit as error:
            raise misread(path, f"line {number}", error) from None
        except ValueError:
            raise misread(path, f"line {number}", "expected identifier, start, end, mention and type.") from None
    return mentions.document(name)
