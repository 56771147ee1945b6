"""LlamaIndex: a `FunctionTool`, and a component of ingestion pipelines. Requires the extra `llama-index`.

agent = FunctionAgent(tools=[entity_tool(extractor)], llm=llm)
pipeline = IngestionPipeline(transformations=[SentenceSplitter(), EntityExtractor(entity_types=["person"])])
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from llama_index.core.schema import BaseNode, TransformComponent
from llama_index.core.tools import FunctionTool
from pydantic import ConfigDict, ValidationError

from uniner_mcp.errors import UninerError
from uniner_mcp.extraction.sync import SyncExtractor
from uniner_mcp.extraction.views import as_text
from uniner_mcp.integrations.documents import read_all, request_for
from uniner_mcp.integrations.tooling import (
    DESCRIPTION,
    NAME,
    compact,
    extract_sync,
    noted,
    opened_for,
    refusal,
    stored,
    submit,
)
from uniner_mcp.requests import ExtractionRequest


def entity_tool(extractor: SyncExtractor) -> FunctionTool:
    """Return a tool for sync and async agents. Errors are reported to the model."""

    def run(**given: Any) -> str:
        try:
            request = ExtractionRequest(**given)
            return compact(extract_sync(extractor, request), request)
        except ValidationError as error:
            return refusal(error)
        except UninerError as error:
            return str(error)

    async def run_async(**given: Any) -> str:
        try:
            request = ExtractionRequest(**given)
            return compact(noted(await asyncio.wrap_future(submit(extractor, request)), request), request)
        except ValidationError as error:
            return refusal(error)
        except UninerError as error:
            return str(error)

    return FunctionTool.from_defaults(
        run, name=NAME, description=DESCRIPTION, fn_schema=ExtractionRequest, async_fn=run_async
    )


class EntityExtractor(TransformComponent):
    """Finds entities in nodes, and stores the `Extraction` as a JSON string in `metadata["entities"]`.

    A node that could not be read has the reason in `metadata["entities_error"]` instead. Neither becomes part of the
    text for embeddings and models.
    """

    model_config = ConfigDict(extra="allow")

    entity_types: list[str] | None = None
    domain: str | None = None

    def __init__(self, entity_types: list[str] | None = None, domain: str | None = None, **options: Any) -> None:
        """Accept `entity_types` or `domain`, and other fields of `ExtractionRequest`; the settings select the model.

        Raises RequestError or ValidationError if they are not valid.
        """
        request_for(entity_types=entity_types, domain=domain, **options)
        super().__init__(**{"entity_types": entity_types, "domain": domain, **options})

    @classmethod
    def class_name(cls) -> str:
        """Return the name in saved pipelines."""
        return "UninerEntityExtractor"

    def __call__(self, nodes: Sequence[BaseNode], **_: Any) -> Sequence[BaseNode]:
        """Set the entities of nodes, reading several at once. Raises UninerError if no node could be read."""
        request = request_for(entity_types=self.entity_types, domain=self.domain, **(self.model_extra or {}))
        outcomes = read_all(opened_for(self), request, [node.get_content() for node in nodes])
        for node, outcome in zip(nodes, outcomes, strict=True):
            if isinstance(outcome, UninerError):
                key, value = "entities_error", str(outcome)
            else:
                key, value = "entities", as_text(stored(outcome, request))
            node.metadata[key] = value
            node.excluded_embed_metadata_keys.append(key)
            node.excluded_llm_metadata_keys.append(key)
        return nodes

    async def acall(self, nodes: Sequence[BaseNode], **_: Any) -> Sequence[BaseNode]:
        """Do the same without blocking the event loop."""
        return await asyncio.to_thread(self, nodes)
