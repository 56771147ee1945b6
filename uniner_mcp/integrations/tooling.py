"""What the tools for all frameworks share: name, description, arguments and result."""

from __future__ import annotations

import os
from concurrent.futures import Future
from inspect import cleandoc
from typing import Any
from weakref import finalize

from pydantic import ValidationError

from uniner_mcp.arguments import faults
from uniner_mcp.extraction.extractor import Extractor
from uniner_mcp.extraction.request import Limits, check_request
from uniner_mcp.extraction.sync import SyncExtractor
from uniner_mcp.extraction.views import as_data, as_text, view
from uniner_mcp.requests import ExtractionRequest
from uniner_mcp.schema import Extraction
from uniner_mcp.settings import load_settings

NAME = "extract_entities"
DESCRIPTION = cleandoc(ExtractionRequest.__doc__ or "")


async def extract(extractor: Extractor, request: ExtractionRequest) -> Extraction:
    """Return the extraction for a request. Raises UninerError with a message that tells an agent what to do."""
    return noted(await extractor.extract(request.text, **request.asked()), request)


def extract_sync(extractor: SyncExtractor, request: ExtractionRequest) -> Extraction:
    """Return the extraction for a request, in synchronous code. Raises UninerError."""
    return noted(extractor.extract(request.text, **request.asked()), request)


def submit(extractor: SyncExtractor, request: ExtractionRequest) -> Future[Extraction]:
    """Return the future extraction for a request, without its notes."""
    return extractor.submit(request.text, **request.asked())


def check(request: ExtractionRequest) -> None:
    """Check a request without asking anything. Raises RequestError."""
    settings = load_settings()
    check_request(request.text, **request.asked(), limits=Limits(settings.max_text_chars, settings.max_types))


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
    return f"Invalid arguments: {faults(error)}."


def shown(extraction: Extraction, request: ExtractionRequest) -> dict[str, Any]:
    """Return what the request wants to see of the extraction: the same JSON data as the result of the MCP tool."""
    return as_data(view(extraction, request.result, request.limit, load_settings().max_result_chars))


def compact(extraction: Extraction, request: ExtractionRequest) -> str:
    """Return the same as text for a model. Raises UninerError."""
    return as_text(shown(extraction, request))


def stored(extraction: Extraction, request: ExtractionRequest) -> dict[str, Any]:
    """Return the same without a limit of its size, for metadata of documents."""
    return as_data(view(extraction, request.result, request.limit))


def noted(extraction: Extraction, request: ExtractionRequest) -> Extraction:
    """Return the extraction with the notes of its request among the warnings."""
    return extraction.model_copy(update={"warnings": [*request.notes, *extraction.warnings]})
