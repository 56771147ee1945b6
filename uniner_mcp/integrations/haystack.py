"""Haystack: a component that adds entities to the metadata of documents. Requires the extra `haystack`.

pipeline.add_component("entities", EntityExtractor(entity_types=["person", "drug"]))
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from haystack import Document, component, default_from_dict, default_to_dict

from uniner_mcp.extraction.sync import SyncExtractor
from uniner_mcp.extraction.views import as_data, view
from uniner_mcp.integrations.tooling import extract_sync, opened_for
from uniner_mcp.requests import ExtractionRequest


@component
class EntityExtractor:
    """Finds entities in the content of documents, and stores the `Extraction` as JSON data in `meta["entities"]`."""

    def __init__(self, entity_types: list[str] | None = None, domain: str | None = None, **options: Any) -> None:
        """Accept `entity_types` or `domain`, and other fields of `ExtractionRequest`; the settings select the model."""
        self._given: dict[str, Any] = {"entity_types": entity_types, "domain": domain, **options}
        self._extractor: SyncExtractor | None = None

    def warm_up(self) -> None:
        """Open the extractor."""
        if self._extractor is None:
            self._extractor = opened_for(self)

    def to_dict(self) -> dict[str, Any]:
        """Return the component as data, for saving a pipeline."""
        return default_to_dict(self, **self._given)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> EntityExtractor:
        """Create the component from a saved pipeline."""
        return default_from_dict(cls, data)

    @component.output_types(documents=list[Document])
    def run(self, documents: list[Document]) -> dict[str, list[Document]]:
        """Return the documents with their entities; documents without text are not changed. Raises UninerError."""
        self.warm_up()
        return {"documents": [self._read(document) for document in documents]}

    def _read(self, document: Document) -> Document:
        if document.content is None or self._extractor is None:
            return document
        request = ExtractionRequest(text=document.content, **self._given)
        found = as_data(view(extract_sync(self._extractor, request), request.result, request.limit))
        return replace(document, meta={**document.meta, "entities": found})
