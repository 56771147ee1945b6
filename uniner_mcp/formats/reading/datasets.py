"""Data sets in the project's own format: a folder with `{train,dev,test}.jsonl.gz` and `card.json`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import orjson

from uniner_mcp.formats.documents import Document
from uniner_mcp.formats.reading.choice import read_documents
from uniner_mcp.formats.reading.options import Options


@dataclass(frozen=True, slots=True)
class DataSet:
    """A data set by its folder."""

    name: str
    folder: Path

    def split(self, name: str) -> list[Document]:
        """Return the documents of one split. Raises ValueError if the set has no split of that name."""
        for suffix in (".jsonl.gz", ".jsonl"):
            path = self.folder / f"{name}{suffix}"
            if path.exists():
                return read_documents(path, Options())
        raise ValueError(f"Data set {self.name!r} has no {name} split in {self.folder}.")

    def types(self) -> list[str]:
        """Return every type of the set according to its card: the natural-language names used in the files."""
        return sorted(orjson.loads((self.folder / "card.json").read_bytes())["entity_counts"])
