"""What the tools for all frameworks share: name, description, arguments and result."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from functools import cache
from inspect import cleandoc
from queue import SimpleQueue
from threading import Thread
from typing import Any
from weakref import finalize

from pydantic import ValidationError

from uniner_mcp.arguments import faults
from uniner_mcp.extraction.extractor import Extractor
from uniner_mcp.extraction.sync import SyncExtractor
from uniner_mcp.extraction.views import as_data, as_text, view
from uniner_mcp.requests import ExtractionRequest
from uniner_mcp.schema import Extraction
from uniner_mcp.settings import load_settings

logger = logging.getLogger(__name__)

NAME = "extract_entities"
DESCRIPTION = cleandoc(ExtractionRequest.__doc__ or "")


async def extract(extractor: Extractor, request: ExtractionRequest) -> Extraction:
    """Return the extraction for a request. Raises UninerError with a message that tells an agent what to do."""
    return _noted(await extractor.extract(request.text, **request.asked()), request)


def extract_sync(extractor: SyncExtractor, request: ExtractionRequest) -> Extraction:
    """Return the extraction for a request, in synchronous code. Raises UninerError."""
    return _noted(extractor.extract(request.text, **request.asked()), request)


def opened_for(owner: object) -> SyncExtractor:
    """Return an extractor with the settings from the environment; it is closed when `owner` is garbage-collected."""
    stack = ExitStack()
    extractor = stack.enter_context(SyncExtractor.open())
    # Garbage is collected anywhere, also in a thread that holds a lock which closing needs: another thread closes.
    # At the end of the process the extractor's threads have already ended, so there is nothing left to close.
    finalize(owner, _abandoned().put, stack).atexit = False
    return extractor


@cache
def _abandoned() -> SimpleQueue[ExitStack]:
    """The extractors to close, and the thread that closes them. `put` is safe during garbage collection."""
    abandoned: SimpleQueue[ExitStack] = SimpleQueue()

    def close_all() -> None:
        while True:
            try:
                abandoned.get().close()
            except Exception as error:
                logger.warning("An extractor could not be closed: %s", type(error).__name__)

    Thread(target=close_all, name="uniner-closing", daemon=True).start()
    return abandoned


def refusal(error: ValidationError) -> str:
    """Return the message to a model that passed invalid arguments; its input is not repeated."""
    return f"Invalid arguments: {faults(error)}."


def shown(extraction: Extraction, request: ExtractionRequest) -> dict[str, Any]:
    """Return what the request wants to see of the extraction: the same JSON data as the result of the MCP tool."""
    return as_data(view(extraction, request.result, request.limit, load_settings().max_result_chars))


def compact(extraction: Extraction, request: ExtractionRequest) -> str:
    """Return the same as text for a model. Raises UninerError."""
    return as_text(shown(extraction, request))


def _noted(extraction: Extraction, request: ExtractionRequest) -> Extraction:
    return extraction.model_copy(update={"warnings": [*request.notes, *extraction.warnings]})
