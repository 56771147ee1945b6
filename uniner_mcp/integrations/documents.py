"""Reading batches of documents: several at once, and one that cannot be read does not stop the others."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from typing import Any

from uniner_mcp.errors import UninerError
from uniner_mcp.extraction.sync import SyncExtractor
from uniner_mcp.integrations.tooling import check, submit
from uniner_mcp.requests import ExtractionRequest
from uniner_mcp.schema import Extraction

logger = logging.getLogger(__name__)

AT_ONCE = 8
"""Maximum number of documents in flight: enough for an engine to have no pauses, but no more wait for their turn."""


def request_for(**options: Any) -> ExtractionRequest:
    """Return what to ask about every document: a request without a text. Raises RequestError if it is not valid."""
    request = ExtractionRequest(text="", **{name: value for name, value in options.items() if value is not None})
    check(request.model_copy(update={"text": "x"}))
    return request


def read_each(
    extractor: SyncExtractor, request: ExtractionRequest, texts: Iterable[str]
) -> Iterator[Extraction | UninerError]:
    """Yield, for each text, its extraction, or the error if nothing about it could be answered.

    Blank texts have no entities. Reads a few texts ahead. Raises UninerError if nothing can be read any more.
    """
    waiting: deque[Future[Extraction]] = deque()
    try:
        for text in texts:
            if len(waiting) == AT_ONCE:
                yield _outcome(waiting.popleft())
            # A copy is not validated: what is wrong with a text is an error of its extraction.
            waiting.append(_reading(extractor, request.model_copy(update={"text": text})))
        while waiting:
            yield _outcome(waiting.popleft())
    finally:
        for reading in waiting:
            reading.cancel()


def read_all(
    extractor: SyncExtractor, request: ExtractionRequest, texts: Iterable[str]
) -> list[Extraction | UninerError]:
    """Return the same as a list. Raises UninerError if no text could be read."""
    outcomes = list(read_each(extractor, request, texts))
    errors = [outcome for outcome in outcomes if isinstance(outcome, UninerError)]
    if errors and len(errors) == len(outcomes):
        raise errors[0]
    return outcomes


def _reading(extractor: SyncExtractor, request: ExtractionRequest) -> Future[Extraction]:
    if request.text and not request.text.isspace():
        return submit(extractor, request)
    blank = Future[Extraction]()
    blank.set_result(Extraction(entities=[]))
    return blank


def _outcome(reading: Future[Extraction]) -> Extraction | UninerError:
    try:
        return reading.result()
    except UninerError as error:
        logger.warning("A document could not be read: %s", error)
        return error
