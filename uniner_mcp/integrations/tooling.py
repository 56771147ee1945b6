"""What the tools for all frameworks share: name, description, arguments and result."""

from __future__ import annotations

import os
from concurrent.futures import Future
from inspect import cleandoc
from typing import Any
from weakref import finalize

from pydantic import ValidationError

from uniner_mcp.extraction.extractor import Extractor
from uniner_mcp.extraction.request import Limits, check_request
from uniner_mcp.extraction.sync import SyncExtractor
from uniner_mcp.schema import Extraction, ExtractionRequest
from uniner_mcp.settings import load_settings

NAME = "extract_entities"
DESCRIPTION = cleandoc(ExtractionRequest.__doc__ or "")


async def extract(extractor: Extractor, request: ExtractionRequest) -> Extraction:
    """Return the extraction for a request. Raises UninerError with a message that tells an agent what to do."""
    return await extractor.extract(**_arguments(request))


def extract_sync(extractor: SyncExtractor, request: ExtractionRequest) -> Extraction:
    """Return the extraction for a request, in synchronous code. Raises UninerError."""
    return extractor.extract(**_arguments(request))


def submit(extractor: SyncExtractor, request: ExtractionRequest) -> Future[Extraction]:
    """Return the future extraction for a request."""
    return extractor.submit(**_arguments(request))


def check(request: ExtractionRequest) -> None:
    """Check a request without asking anything. Raises RequestError."""
    settings = load_settings()
    check_request(**_arguments(request), limits=Limits(settings.max_text_chars, settings.max_types))


def opened_for(owner: object) -> SyncExtractor:
    """Return the extractor of `owner` in this process, opened at the first call with the settings from the environment.

    It is closed after `owner` is garbage-collected. As the owner does not hold it, the owner can be pickled, and works
    in processes that are forked or spawned.
    """
    key = os.getpid(), id(owner)
    if key not in _opened:
        _opened.setdefault(key, SyncExtractor.open())  # Several threads may be here: the first one wins.
        finalize(owner, _opened.pop, key, None).atexit = False
    return _opened[key]


_opened: dict[tuple[int, int], SyncExtractor] = {}


def refusal(error: ValidationError) -> str:
    """Return the message to a model that passed invalid arguments; its input is not repeated."""
    return f"Invalid arguments: {error.errors(include_input=False, include_url=False)}"


def compact(extraction: Extraction) -> str:
    """Return the extraction as text for a model: the same JSON as the MCP tool."""
    return extraction.model_dump_json(exclude_none=True)


def _arguments(request: ExtractionRequest) -> dict[str, Any]:
    return {name: getattr(request, name) for name in ExtractionRequest.model_fields}
