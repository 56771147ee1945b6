"""Annotated passages in CoNLL columns: one token per line, with BIO, IOB1, BIOES or BILOU tags, or bare types."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from uniner_mcp.formats.documents import Document, Span

BARE = ".io"
SUFFIXES = (".conll", ".bio", ".iob2", ".tsv", BARE)
_BEGINS, _ENDS = frozenset("BSU"), frozenset("ESLU")
_PREFIXES = frozenset(f"{letter}-" for letter in "BIESLU")


def read_conll(path: Path) -> Iterator[Document]:
    """Yield the sentences of a file: the token in the first column, the tag in the last, blank lines between sentences.

    Columns are separated by tabs, or else by white space; lines that begin with `# ` or `-DOCSTART-` are skipped. The
    text is the tokens joined by single spaces. A tag that continues nothing begins an entity, as in conlleval. In an
    `.io` file the tags are types without a prefix (as in FewNERD), and a run of one type is an entity. Types are
    lowercased, with spaces for underscores. Raises ValueError, with file and line, if a line has no tag.
    """
    rows: list[tuple[str, str]] = []
    number = 0
    with path.open(encoding="utf-8") as lines:
        for place, line in enumerate(lines, start=1):
            if line.startswith(("# ", "-DOCSTART-")):
                continue
            columns = line.rstrip("\r\n").split("\t") if "\t" in line else line.split()
            if not any(column.strip() for column in columns):
                if rows:
                    yield example_of_tags(str(number), rows)
                    number, rows = number + 1, []
                continue
            tag = columns[-1].strip()
            if path.suffix == BARE and tag not in ("", "O"):
                tag = f"I-{tag}"
            if len(columns) < 2 or not (tag in ("O", "_") or (tag[:2] in _PREFIXES and len(tag) > 2)):
                raise ValueError(f"{path}, line {place}: expected a token and a tag such as B-person or O.")
            rows.append((columns[0].strip(), tag))
    if rows:
        yield example_of_tags(str(number), rows)


def example_of_tags(number: str, rows: Sequence[tuple[str, str]]) -> Document:
    """Build a passage from tokens and their tags."""
    starts: list[int] = []
    length = 0
    for token, _ in rows:
        starts.append(length)
        length += len(token) + 1
    text = " ".join(token for token, _ in rows)
    entities = tuple(
        Span(text[start:end], kind, start, end)
        for first, last, kind in _entities([tag for _, tag in rows])
        for start, end in [(starts[first], starts[last] + len(rows[last][0]))]
    )
    return Document(number, text, entities)


def _entities(tags: Sequence[str]) -> Iterator[tuple[int, int, str]]:
    """Yield the first and last token of each entity, and its type."""
    begun: tuple[int, str] | None = None
    for index, tag in enumerate([*tags, "O"]):
        letter, _, kind = tag.partition("-")
        kind = " ".join(kind.replace("_", " ").lower().split())
        if begun is not None and (kind != begun[1] or letter in _BEGINS or tags[index - 1][0] in _ENDS):
            yield begun[0], index - 1, begun[1]
            begun = None
        if kind and begun is None:
            begun = index, kind
