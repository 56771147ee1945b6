"""What the tools for all frameworks share: name, description, arguments and result."""

from __future__ import annotations

from contextlib import ExitStack
from inspect import cleandoc
from typing import Any
from weakref import finalize

from pydantic import ValidationError

from uniner_mcp.extraction.extractor import Extractor
from uniner_mcp.extraction.sync import SyncExtractor
from uniner_mcp.schema import Extraction, ExtractionRequest

NAME = "extract_entities"
DESCRIPTION = cleandoc(ExtractionRequest.__doc__ or "")


async def extract(extractor: Extractor, request: ExtractionRequest) -> Extraction:
    """Return the extraction for a request. Raises UninerError with a message that tells an agent what to do."""
    return await extractor.extract(**_arguments(request))


def extract_sync(extractor: SyncExtractor, request: ExtractionRequest) -> Extraction:
    """Return the extraction for a request, in synchronous code. Raises UninerError."""
    return extractor.extract(**_arguments(request))


def opened_for(owner: object) -> SyncExtractor:
    """Return an extractor with the settings from the environment; it is closed when `owner` is garbage-collected."""
    stack = ExitStack()
    extractor = stack.enter_context(SyncExtractor.open())
    # At the end of the process its threads have already ended, so there is nothing left to close.
    finalize(owner, stack.close).atexit = False
    return extractor


def refusal(error: ValidationError) -> str:
    """Return the message to a model that passed invalid arguments; its input is not repeated."""
    return f"Invalid arguments: {error.errors(include_input=False, include_url=False)}"


def compact(extraction: Extraction) -> str:
    """Return the extraction as text for a model: the same JSON as the MCP tool."""
    return extraction.model_dump_json(exclude_none=True)


def _arguments(request: ExtractionRequest) -> dict[str, Any]:
    return {name: getattr(request, name) for name in ExtractionRequest.model_fields}
