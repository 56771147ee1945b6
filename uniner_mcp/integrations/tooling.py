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

from uniner_mcp.extraction.extractor import Extractor
from uniner_mcp.extraction.sync import SyncExtractor
from uniner_mcp.schema import Extraction, ExtractionRequest

logger = logging.getLogger(__name__)

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
    return f"Invalid arguments: {error.errors(include_input=False, include_url=False)}"


def compact(extraction: Extraction) -> str:
    """Return the extraction as text for a model: the same JSON as the MCP tool."""
    return extraction.model_dump_json(exclude_none=True)


def _arguments(request: ExtractionRequest) -> dict[str, Any]:
    return {name: getattr(request, name) for name in ExtractionRequest.model_fields}
