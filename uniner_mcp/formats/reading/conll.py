"""The CoNLL family: one token per line with its tag, blank lines between sentences.

CoNLL-2003, CoNLL-U Plus, GermEval 2014, UNER, MultiCoNER, MIT (tag first), WNUT, FewNERD (bare types), and their like.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from uniner_mcp.formats.documents import Document
from uniner_mcp.formats.reading.columns import Columns, find_columns
from uniner_mcp.formats.reading.files import Misfit, lines_of, misread, suffix_of
from uniner_mcp.formats.reading.options import Options
from uniner_mcp.formats.reading.tags import OUTSIDE, is_tag, tagged_document

BARE = ".io"
SUFFIXES = (".conll", ".conllu", ".conllup", ".bio", ".iob", ".iob2", ".bioes", ".tsv", BARE, ".txt")
_START = "-DOCSTART-"
_NAMES = "# global.columns ="


@dataclass(slots=True)
class _File:
    """The lines of a file as columns, by sentence; places: the number of each line."""

    names: list[str] = field(default_factory=list[str])
    sentences: list[list[list[str]]] = field(default_factory=list[list[list[str]]])
    places: list[list[int]] = field(default_factory=list[list[int]])


def read_conll(path: Path, options: Options) -> Iterator[Document]:
    """Yield the sentences of a file; the text of each is its tokens, joined by single spaces.

    Columns are separated by tabs, or by spaces if the file has no tab; every other character, such as a no-break space,
    belongs to a token. Comments stand before a sentence. In an `.io` file the tags are types without a prefix (as in
    FewNERD), and a run of one type is a mention. Raises RequestError, with file and line, if a line does not fit the
    others, or if the columns can be read in two ways.
    """
    file = _split(path)
    if not file.sentences:
        return
    try:
        columns = find_columns(file.sentences, file.names, suffix_of(path) == BARE, options)
    except Misfit as error:
        raise misread(path, f"line {file.places[0][0]}", error) from None
    for number, (sentence, places) in enumerate(zip(file.sentences, file.places, strict=True)):
        tokens: list[str] = []
        layers: list[list[str]] = [[] for _ in columns.tags]
        for line, place in zip(sentence, places, strict=True):
            if not _is_word(line, columns):
                continue
            tokens.append(_token(path, place, line[columns.token]))
            for layer, column in zip(layers, columns.tags, strict=True):
                layer.append(_tag(path, place, line[column]))
        yield tagged_document(str(number), tokens, *layers)


def _is_word(line: Sequence[str], columns: Columns) -> bool:
    """Whether this is a token: no range (`1-2`) over the next words, and no empty node (`8.1`) of CoNLL-U."""
    return columns.index is None or line[columns.index].isdecimal()


def _token(path: Path, place: int, token: str) -> str:
    if not token:
        raise misread(path, f"line {place}", "expected a token, but its column is empty.")
    return token


def _tag(path: Path, place: int, tag: str) -> str:
    if suffix_of(path) == BARE and tag and tag not in OUTSIDE:
        return f"I-{tag}"
    if not is_tag(tag):
        raise misread(path, f"line {place}", "expected a token and a tag such as B-person or O.")
    return tag


def _split(path: Path) -> _File:
    lines = list(lines_of(path))
    rows = [line for _, line in lines if line and not line.startswith("#")] or [line for _, line in lines]
    separator = "\t" if any("\t" in line for line in rows) else " "
    file = _File()
    begun = False
    width = _width([line for _, line in lines], separator)
    for number, line in lines:
        columns = _columns(line, separator)
        if not line.strip(" \t") or columns[0].startswith(_START):
            begun = False
            continue
        if not begun and line.startswith("#") and not _has_tag(columns, width, suffix_of(path) == BARE):
            if line.startswith(_NAMES):
                file.names = line.removeprefix(_NAMES).split()
            continue
        if len(columns) != width or width < 2:
            said = f"expected {max(width, 2)} columns, a token and its tag among them, not {len(columns)}."
            raise misread(path, f"line {number}", said)
        if not begun:
            file.sentences.append([])
            file.places.append([])
        begun = True
        file.sentences[-1].append(columns)
        file.places[-1].append(number)
    return file


def _columns(line: str, separator: str) -> list[str]:
    if separator == "\t":
        return [column.strip(" ") for column in line.split("\t")]
    return [column for column in line.split(" ") if column]


def _width(lines: Sequence[str], separator: str) -> int:
    """Return the number of columns of most lines. Where every line begins with `#`, those with a tag are tokens."""
    rows = [_columns(line, separator) for line in lines if line.strip(" \t") and not line.startswith(_START)]
    tokens = [row for row in rows if not row[0].startswith("#")] or [row for row in rows if is_tag(row[-1])]
    return Counter(map(len, tokens)).most_common(1)[0][0] if tokens else 0


def _has_tag(columns: Sequence[str], width: int, bare: bool) -> bool:
    return len(columns) == width and (bare or any(map(is_tag, columns[1:])))
