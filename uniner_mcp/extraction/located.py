"""Where entities are in files (pure)."""

from __future__ import annotations

from typing import Any

from uniner_mcp.documents.joining import Joined
from uniner_mcp.schema import Entity, Extraction, FileEntity, FileExtraction, FileText


def located(extraction: Extraction, joined: Joined, uri: str | None = None) -> FileExtraction:
    """Return an extraction from the joint text of files, with the place of each entity and what was not read.

    uri: the resource of the server with the text.
    """
    several = len(joined.names) > 1
    files = [
        FileText(name=name, start=start, characters=len(document.text), pages=len(document.pages) or None)
        for name, document, start in zip(joined.names, joined.documents, joined.starts, strict=True)
    ]
    warnings = [
        f"{name}: {warning}" if several else warning
        for name, document in zip(joined.names, joined.documents, strict=True)
        for warning in document.warnings
    ]
    placed: dict[str, Any] = {
        "warnings": [*warnings, *extraction.warnings],
        "uri": uri,
        "files": files,
        "entities": [_located(entity, joined, several=several) for entity in extraction.entities],
    }
    return FileExtraction(**dict(extraction) | placed)


def _located(entity: Entity, joined: Joined, *, several: bool) -> FileEntity:
    name, place = joined.place(entity.start)
    return FileEntity(**dict(entity), file=name if several else None, line=place.line, page=place.page)
