"""Haystack: a component that adds entities to the metadata of documents. Requires the extra `haystack`.

pipeline.add_component("entities", EntityExtractor(entity_types=["person", "drug"]))
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from haystack import Document, component, default_from_dict, default_to_dict

from uniner_mcp.errors import UninerError
from uniner_mcp.integrations.documents import read_all, request_for
from uniner_mcp.integrations.tooling import opened_for, stored
from uniner_mcp.schema import Extraction


@component
class EntityExtractor:
    """Finds entities in the content of documents, and stores the `Extraction` as JSON data in `meta["entities"]`.

    A document that could not be read has the reason in `meta["entities_error"]` instead.
    """

    def __init__(self, entity_types: list[str] | None = None, domain: str | None = None, **options: Any) -> None:
        """Accept `entity_types` or `domain`, and other fields of `ExtractionRequest`; the settings select the model.

        Raises RequestError or ValidationError if they are not valid.
        """
        self._given: dict[str, Any] = {"entity_types": entity_types, "domain": domain, **options}
        self._request = request_for(**self._given)

    def warm_up(self) -> None:
        """Open the extractor. Raises SettingsError or EngineError."""
        opened_for(self)

    def to_dict(self) -> dict[str, Any]:
        """Return the component as data, for saving a pipeline."""
        return default_to_dict(self, **self._given)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> EntityExtractor:
        """Create the component from a saved pipeline."""
        return default_from_dict(cls, data)

    @component.output_types(documents=list[Document])
    def run(self, documents: list[Document]) -> dict[str, list[Document]]:
        """Return the documents with their entities; blank ones have none, and those without text are not changed.

        Several documents are read at once. Raises UninerError if none of them could be read.
        """
        texts = [document.content for document in documents if document.content is not None]
        outcomes = iter(read_all(opened_for(self), self._request, texts))
        return {"documents": [self._read(document, outcomes) for document in documents]}

    def _read(self, document: Document, outcomes: Iterator[Extraction | UninerError]) -> Document:
        if document.content is None:
            return document
        outcome = next(outcomes)
        if isinstance(outcome, UninerError):
            found: dict[str, Any] = {"entities_error": str(outcome)}
        else:
            found = {"entities": stored(outcome, self._request)}
        return replace(document, meta={**document.meta, **found})
