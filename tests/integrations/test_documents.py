"""Batches of documents, as the components of every framework read them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest
from doubles import names_engine

from uniner_mcp import Extraction, ExtractionError, Extractor, RequestError, SyncExtractor
from uniner_mcp.engines.base import Passage
from uniner_mcp.engines.scripted import ScriptedEngine
from uniner_mcp.errors import EngineUnavailable, UninerError
from uniner_mcp.integrations.documents import AT_ONCE, read_all, read_each, request_for
from uniner_mcp.schema import EntityType

REQUEST = request_for(entity_types=["person"])


def shown(outcome: Extraction | UninerError) -> list[str] | str:
    return str(outcome) if isinstance(outcome, UninerError) else [entity.text for entity in outcome.entities]


def test_documents_are_read_in_their_order_and_blank_ones_have_no_entities() -> None:
    with SyncExtractor(Extractor(names_engine())) as extractor:
        outcomes = read_all(extractor, REQUEST, ["Ada", "", "\n\u2003", "Bob"] * 10)
    assert list(map(shown, outcomes)) == [["Ada"], [], [], ["Bob"]] * 10


def test_a_few_documents_are_read_at_once() -> None:
    together = asyncio.Barrier(AT_ONCE)

    async def script(passage: Passage, kind: EntityType) -> list[str]:
        await together.wait()
        return []

    with SyncExtractor(Extractor(ScriptedEngine(script))) as extractor:
        assert len(read_all(extractor, REQUEST, ["Ada"] * AT_ONCE * 2)) == AT_ONCE * 2


def test_texts_are_taken_only_a_few_ahead() -> None:
    taken: list[int] = []

    def texts() -> Iterator[str]:
        for number in range(100):
            taken.append(number)
            yield "Ada"

    with SyncExtractor(Extractor(names_engine())) as extractor:
        next(read_each(extractor, REQUEST, texts()))
    assert len(taken) == AT_ONCE + 1


def test_one_that_cannot_be_read_does_not_stop_the_others(caplog: pytest.LogCaptureFixture) -> None:
    def script(passage: Passage, kind: EntityType) -> list[str]:
        if "bad" in passage.text:
            raise EngineUnavailable("gone")
        return ["Ada"]

    with SyncExtractor(Extractor(ScriptedEngine(script))) as extractor:
        first, gone, broken, last = map(shown, read_all(extractor, REQUEST, ["Ada", "bad", "\ud800", "Ada"]))
        with pytest.raises(ExtractionError, match="gone"):
            read_all(extractor, REQUEST, ["bad", "bad"])
    assert first == last == ["Ada"] and "gone" in gone and "surrogate" in broken
    assert "gone" in caplog.text and "bad" not in caplog.text


def test_documents_in_flight_are_cancelled_when_nobody_waits_for_them() -> None:
    begun, cancelled = threading.Event(), threading.Event()

    async def script(passage: Passage, kind: EntityType) -> list[str]:
        if passage.text == "Bob":
            begun.set()
            try:
                await asyncio.Event().wait()
            finally:
                cancelled.set()
        return ["Ada"]

    with SyncExtractor(Extractor(ScriptedEngine(script))) as extractor:
        outcomes = read_each(extractor, REQUEST, ["Ada", "Bob", "Ada"])
        next(outcomes)
        begun.wait()
        outcomes.close()
        cancelled.wait()


def test_options_that_are_not_valid_are_errors_before_anything_is_read() -> None:
    with pytest.raises(RequestError, match="entity_types"):
        request_for()
    with pytest.raises(RequestError, match="domain"):
        request_for(domain="nowhere")
    with pytest.raises(ValueError, match="overlap"):
        request_for(entity_types=["person"], overlap="some")
    assert request_for(entity_types=["person"], limit=None, min_confidence=None) == REQUEST
