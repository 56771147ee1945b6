"""Files of annotation formats, and their mentions."""

from __future__ import annotations

from pathlib import Path

from uniner_mcp.formats.documents import Document
from uniner_mcp.formats.reading.choice import read_documents
from uniner_mcp.formats.reading.options import DEFAULT, Options


def read_text(folder: Path, name: str, text: str, options: Options = DEFAULT) -> list[Document]:
    """Read a file with this content, written byte for byte."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())
    return read_documents(path, options)


def mentions(document: Document) -> list[tuple[str, str]]:
    """Return text and type of each mention, all of which are in their place."""
    assert all(document.text[one.start : one.end] == one.text for one in document.entities)
    return [(one.text, one.type) for one in document.entities]
