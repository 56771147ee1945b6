from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from uniner_mcp.engines import loading
from uniner_mcp.engines.loading import RETRY_AFTER, Loading
from uniner_mcp.errors import EngineUnavailable

pytestmark = pytest.mark.anyio


class Model:
    """A model that loads, fails or waits as it is told, at a clock that stands."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self.now = 100.0
        self.loads = 0
        self.error: Exception | None = None
        self.begun = threading.Event()
        self.go_on = threading.Event()
        self.go_on.set()
        self.loading = Loading(pool, self._load)

    def _load(self) -> int:
        self.loads += 1
        self.begun.set()
        self.go_on.wait()
        if self.error:
            raise self.error
        return self.loads

    async def outcome(self) -> int | str:
        try:
            return await self.loading.loaded()
        except EngineUnavailable as error:
            return str(error)


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Iterator[Model]:
    with ThreadPoolExecutor(1) as pool:
        model = Model(pool)
        monkeypatch.setattr(loading, "time", SimpleNamespace(monotonic=lambda: model.now))
        yield model
        model.go_on.set()


async def test_a_model_is_loaded_once_for_all_questions(model: Model) -> None:
    model.go_on.clear()
    asked = [asyncio.create_task(model.outcome()) for _ in range(3)]
    await asyncio.to_thread(model.begun.wait)
    model.go_on.set()
    assert await asyncio.gather(*asked) == [1, 1, 1]
    model.now += 1000
    assert await model.outcome() == 1


async def test_a_failed_load_is_repeated_after_a_pause_and_not_with_each_question(model: Model) -> None:
    model.error = EngineUnavailable("broken file")
    assert [await model.outcome() for _ in range(3)] == ["broken file"] * 3
    model.now += RETRY_AFTER - 0.1
    assert await model.outcome() == "broken file" and model.loads == 1
    model.now += 0.1
    assert await model.outcome() == "broken file" and model.loads == 2
    model.error = None
    assert await model.outcome() == "broken file" and model.loads == 2
    model.now += RETRY_AFTER
    assert await asyncio.gather(model.outcome(), model.outcome()) == [3, 3]


async def test_the_pause_begins_when_the_load_fails_however_long_it_took(model: Model) -> None:
    model.error = EngineUnavailable("no memory")
    model.go_on.clear()
    asked = asyncio.create_task(model.outcome())
    await asyncio.to_thread(model.begun.wait)
    model.now += 1000
    model.go_on.set()
    assert await asked == "no memory"
    assert await model.outcome() == "no memory" and model.loads == 1


async def test_a_call_that_is_cancelled_does_not_stop_the_load(model: Model) -> None:
    model.go_on.clear()
    asked = asyncio.create_task(model.outcome())
    await asyncio.to_thread(model.begun.wait)
    asked.cancel()
    await asyncio.wait([asked])
    model.go_on.set()
    assert await model.outcome() == 1


async def test_a_model_that_was_lost_is_loaded_again_after_the_pause(model: Model) -> None:
    assert await model.outcome() == 1
    model.loading.lost(EngineUnavailable("stopped"))
    assert await model.outcome() == "stopped"
    model.now += RETRY_AFTER
    assert await model.outcome() == 2


async def test_questions_that_wait_for_a_load_fail_when_it_is_closed(model: Model) -> None:
    model.go_on.clear()
    asked = asyncio.create_task(model.outcome())
    await asyncio.to_thread(model.begun.wait)
    load = model.loading.close()
    model.go_on.set()
    assert await asked == loading.CLOSED
    assert load is not None and load.result() == 1
    model.loading.start()
    assert await model.outcome() == loading.CLOSED and model.loads == 1
    assert model.loading.close() is None


async def test_a_question_whose_load_is_dropped_with_its_pool_fails(model: Model) -> None:
    with ThreadPoolExecutor(1) as pool:
        begun, go_on = threading.Event(), threading.Event()
        pool.submit(lambda: (begun.set(), go_on.wait()))
        begun.wait()
        waiting = Loading(pool, lambda: 1)
        asked = asyncio.create_task(waiting.loaded())
        await asyncio.sleep(0)
        waiting.close()
        pool.shutdown(wait=False, cancel_futures=True)
        go_on.set()
        with pytest.raises(EngineUnavailable, match="closed"):
            await asked
