"""What the tools of all frameworks share: a name, a description, arguments, an answer."""

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
    """The extraction of a request. Raises UninerError, in words that tell an agent what to do."""
    return await extractor.extract(**_arguments(request))


def extract_sync(extractor: SyncExtractor, request: ExtractionRequest) -> Extraction:
    """The same for synchronous code."""
    return extractor.extract(**_arguments(request))


def opened_for(owner: object) -> SyncExtractor:
    """An extractor with the settings of the environment, closed when `owner` is collected."""
    stack = ExitStack()
    extractor = stack.enter_context(SyncExtractor.open())
    # When the process ends, its threads have ended before: there is nothing left to close then.
    finalize(owner, stack.close).atexit = False
    return extractor


def refusal(error: ValidationError) -> str:
    """What a model is told of arguments that do not fit; what it gave is not repeated."""
    return f"Arguments that do not fit: {error.errors(include_input=False, include_url=False)}"


def compact(extraction: Extraction) -> str:
    """What a model reads of it: the JSON of the MCP tool."""
    return extraction.model_dump_json(exclude_none=True)


def _arguments(request: ExtractionRequest) -> dict[str, Any]:
    return {name: getattr(request, name) for name in ExtractionRequest.model_fields}
