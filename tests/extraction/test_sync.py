from __future__ import annotations

import asyncio
import gc
import logging
import pickle
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures.thread import _global_shutdown_lock

import pytest
from doubles import names_engine

from uniner_mcp import ExtractionError, Extractor, RequestError, SyncExtractor, UninerError
from uniner_mcp.engines.base import Mention, Passage
from uniner_mcp.engines.scripted import ScriptedEngine
from uniner_mcp.errors import EngineUnavailable
from uniner_mcp.schema import EntityType


class Slow(ScriptedEngine):
    """Answers only when it is closed, with an error; and tells when it is asked, cancelled and closed."""

    def __init__(self) -> None:
        super().__init__(self.wait)
        self.begun, self.cancelled = threading.Event(), threading.Event()
        self.closing = asyncio.Event()

    async def wait(self, passage: Passage, kind: EntityType) -> list[Mention]:
        self.begun.set()
        try:
            await self.closing.wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        raise EngineUnavailable("closed")

    async def aclose(self) -> None:
        self.closing.set()
        await super().aclose()


class Broken(ScriptedEngine):
    """Cannot be closed."""

    async def aclose(self) -> None:
        raise OSError("Ada")


@pytest.fixture
def slow() -> Iterator[tuple[Slow, SyncExtractor]]:
    engine = Slow()
    with SyncExtractor(Extractor(engine)) as extractor:
        yield engine, extractor


def started(extractor: SyncExtractor) -> threading.Thread:
    """The thread that the extractor starts with its first request."""
    before = set(threading.enumerate())
    extractor.extract("Ada", ["person"])
    (thread,) = [thread for thread in set(threading.enumerate()) - before if thread.name == "uniner"]
    return thread


def test_synchronous_code_gets_the_same_extraction_from_several_threads() -> None:
    with SyncExtractor(Extractor(names_engine())) as extractor, ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: extractor.extract("Ada in Paris", ["person", "city"]), range(8)))
    assert all([entity.text for entity in result.entities] == ["Ada", "Paris"] for result in results)


def test_errors_come_through_as_they_are() -> None:
    with SyncExtractor(Extractor(names_engine())) as extractor, pytest.raises(RequestError):
        extractor.extract("", ["person"])


def test_going_on_and_the_former_name_of_meanings_are_the_same_as_in_asynchronous_code() -> None:
    with SyncExtractor(Extractor(names_engine())) as extractor:
        assert [one.text for one in extractor.extract("Ada met Bob", "person, city", start=4).entities] == ["Bob"]
        with pytest.warns(DeprecationWarning, match="`meanings`") as caught:
            extractor.extract("Ada", ["person"], definitions={"person": "a human"})
    assert caught[0].filename == __file__


def test_leaving_the_block_closes_the_engine() -> None:
    engine = names_engine()
    with SyncExtractor(Extractor(engine)):
        pass
    assert engine.closed


def test_without_a_block_it_is_closed_by_hand_and_says_so_afterwards() -> None:
    engine = names_engine()
    extractor = SyncExtractor(Extractor(engine))
    thread = started(extractor)
    extractor.close()
    assert engine.closed and not thread.is_alive()
    extractor.close()
    with pytest.raises(UninerError, match="closed"):
        extractor.extract("Ada", ["person"])


def test_an_error_of_closing_is_raised() -> None:
    extractor = SyncExtractor(Extractor(Broken(lambda *_: [])))
    with pytest.raises(OSError, match="Ada"):
        extractor.close()


async def in_a_running_loop(extractor: SyncExtractor) -> list[str]:
    return [entity.text for entity in extractor.extract("Ada in Paris", ["person"]).entities]


def test_it_works_where_an_event_loop_is_running_as_in_a_notebook() -> None:
    with SyncExtractor(Extractor(names_engine())) as extractor:
        assert asyncio.run(in_a_running_loop(extractor)) == ["Ada"]


def test_requests_that_run_when_it_is_closed_fail(slow: tuple[Slow, SyncExtractor]) -> None:
    engine, extractor = slow
    running = extractor.submit("Ada", ["person"])
    engine.begun.wait()
    extractor.close()
    with pytest.raises(ExtractionError, match="closed"):
        running.result()


def test_a_request_that_is_cancelled_stops(slow: tuple[Slow, SyncExtractor]) -> None:
    engine, extractor = slow
    running = extractor.submit("Ada", ["person"])
    engine.begun.wait()
    running.cancel()
    engine.cancelled.wait()


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="needs signals to threads")
def test_ctrl_c_stops_the_request(slow: tuple[Slow, SyncExtractor]) -> None:
    engine, extractor = slow
    # Where tests run in the background, the signal is ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    main = threading.get_ident()

    def interrupt() -> None:
        engine.begun.wait()
        signal.pthread_kill(main, signal.SIGINT)

    interrupting = threading.Thread(target=interrupt)
    interrupting.start()
    with pytest.raises(KeyboardInterrupt):
        extractor.extract("Ada", ["person"])
    interrupting.join()
    engine.cancelled.wait()
    signal.signal(signal.SIGINT, before)


def test_one_that_is_forgotten_is_closed_with_the_garbage() -> None:
    engine = names_engine()
    extractor = SyncExtractor(Extractor(engine))
    thread = started(extractor)
    del extractor
    gc.collect()
    thread.join()
    assert engine.closed


def test_closing_with_the_garbage_does_not_wait_for_locks_of_the_thread_that_collects_it() -> None:
    extractor = SyncExtractor.open()
    thread = started(extractor)
    # Starting a thread of a pool holds this lock and allocates memory, so garbage may be collected then.
    with _global_shutdown_lock:
        del extractor
        gc.collect()
    thread.join()


def test_an_error_of_closing_with_the_garbage_is_logged_without_its_text(caplog: pytest.LogCaptureFixture) -> None:
    extractor = SyncExtractor(Extractor(Broken(lambda *_: [])))
    thread = started(extractor)
    with caplog.at_level(logging.WARNING):
        del extractor
        gc.collect()
        thread.join()
    assert "could not be closed: OSError" in caplog.text and "Ada" not in caplog.text


def test_it_says_that_it_cannot_be_pickled() -> None:
    with SyncExtractor(Extractor(names_engine())) as extractor, pytest.raises(TypeError, match="one in each process"):
        pickle.dumps(extractor)


def test_it_opens_the_real_student() -> None:
    with SyncExtractor.open() as extractor:
        found = extractor.extract("Marie Curie worked in Paris.", ["person"]).entities
    assert [entity.text for entity in found] == ["Marie Curie"]
