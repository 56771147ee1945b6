"""Annotated passages in the project's JSON Lines format."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson

from uniner_mcp.formats.documents import Document, Span


def read_examples(path: Path) -> Iterator[Document]:
    """Read `*.jsonl` or `*.jsonl.gz`, one object per line: `{"id", "text", "entities": [{text, type, start, end}]}`.

    The key `asked_types` is optional. Raises ValueError, with file and line, if a line has another format or an offset
    is wrong.
    """
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rb") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                row = orjson.loads(line)
                entities = tuple(Span(e["text"], e["type"], e["start"], e["end"]) for e in row["entities"])
                asked = tuple(row["asked_types"]) if "asked_types" in row else None
                example = Document(str(row["id"]), row["text"], entities, asked)
            except (KeyError, TypeError, orjson.JSONDecodeError) as error:
                raise ValueError(
                    f"{path}, line {number}: expected an annotated passage ({type(error).__name__})."
                ) from None
            if any(example.text[gold.start : gold.end] != gold.text for gold in entities):
                raise ValueError(f"{path}, line {number}: the offsets of an entity do not match its text.")
            yield example


@dataclass(frozen=True, slots=True)
class DataSet:
    """A folder with `{train,dev,test}.jsonl.gz` and `card.json`."""

    name: str
    folder: Path

    def split(self, name: str) -> list[Document]:
        """Return the examples of one split. Raises ValueError if the set has no split of that name."""
        for suffix in (".jsonl.gz", ".jsonl"):
            path = self.folder / f"{name}{suffix}"
            if path.exists():
                return list(read_examples(path))
        raise ValueError(f"Data set {self.name!r} has no {name} split in {self.folder}.")

    def types(self) -> list[str]:
        """Return every type of the set according to its card: the natural-language names used in the files."""
        return sorted(orjson.loads((self.folder / "card.json").read_bytes())["entity_counts"])
