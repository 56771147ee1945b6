from __future__ import annotations

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace

import pytest

from uniner_mcp.engines.base import Answer, Call, Passage
from uniner_mcp.engines.scripted import ScriptedEngine
from uniner_mcp.engines.wrappers import breaking
from uniner_mcp.engines.wrappers.breaking import Breaking
from uniner_mcp.errors import CircuitOpen, EngineTimeout, EngineUnavailable, UnreadableAnswer
from uniner_mcp.schema import EntityType

pytestmark = pytest.mark.anyio
KINDS = [EntityType(name="a"), EntityType(name="b")]


class Play:
    """A script that fails as it is told, at a clock that stands."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        self.error: Exception | None = None
        self.wait: asyncio.Event | None = None
        self.inner = ScriptedEngine(self._script)
        self.engine = Breaking(self.inner, failures=2, pause_s=10)
        monkeypatch.setattr(breaking, "time", SimpleNamespace(monotonic=lambda: self.now))

    async def _script(self, passage: Passage, kind: EntityType) -> list[str]:
        if self.wait is not None:
            await self.wait.wait()
        if self.error is not None:
            raise self.error
        return [kind.name]

    async def failures(self) -> set[type]:
        return {type(answer.failure) for answer in await self.engine.answer(Passage("x"), KINDS)}

    async def open(self) -> None:
        """Open the circuit."""
        self.error = EngineUnavailable("down")
        for _ in range(2):
            await self.failures()


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Play:
    return Play(monkeypatch)


@pytest.mark.parametrize("error", [EngineUnavailable("down"), EngineTimeout("late")])
async def test_after_some_failures_in_a_row_it_is_left_alone_and_then_tried_once(play: Play, error: Exception) -> None:
    play.error = error
    assert [await play.failures() for _ in range(3)] == [{type(error)}, {type(error)}, {CircuitOpen}]
    asked = len(play.inner.asked)
    play.now = 9.9
    assert await play.failures() == {CircuitOpen} and len(play.inner.asked) == asked
    play.now = 10
    assert await play.failures() == {type(error)}
    assert await play.failures() == {CircuitOpen}  # The pause begins anew.
    play.now, play.error = 20, None
    assert await play.failures() == {type(None)}
    play.error = error
    assert await play.failures() == {type(error)}  # Closed: it counts from the start.


async def test_one_call_tries_while_the_others_still_fail(play: Play) -> None:
    await play.open()
    play.now, play.error, play.wait = 10, None, asyncio.Event()
    trying = asyncio.create_task(play.failures())
    await asyncio.sleep(0)
    assert await play.failures() == {CircuitOpen}
    play.wait.set()
    assert await trying == {type(None)} and await play.failures() == {type(None)}


async def test_a_try_that_is_cancelled_lets_the_next_one_try(play: Play) -> None:
    await play.open()
    play.now, play.error, play.wait = 10, None, asyncio.Event()
    trying = asyncio.create_task(play.failures())
    await asyncio.sleep(0)
    trying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await trying
    play.wait = None
    assert await play.failures() == {type(None)}


async def test_a_try_that_breaks_unexpectedly_lets_the_next_one_try(play: Play) -> None:
    await play.open()
    play.now, play.error = 10, RuntimeError("x")
    with pytest.raises(RuntimeError):
        await play.failures()
    play.error = None
    assert await play.failures() == {type(None)}


async def test_a_try_that_never_ends_does_not_keep_the_circuit_open_for_ever(play: Play) -> None:
    await play.open()
    play.now, play.error, play.wait = 10, None, asyncio.Event()
    hanging = asyncio.create_task(play.failures())
    await asyncio.sleep(0)
    play.wait = None
    play.now = 19.9
    assert await play.failures() == {CircuitOpen}
    play.now = 20
    assert await play.failures() == {type(None)}
    hanging.cancel()
    await asyncio.wait([hanging])
    assert await play.failures() == {type(None)}


async def test_an_engine_that_answers_nonsense_is_not_broken(play: Play) -> None:
    play.error = UnreadableAnswer("no list")
    assert [await play.failures() for _ in range(5)] == [{UnreadableAnswer}] * 5


async def test_an_engine_that_breaks_as_a_whole_counts_too() -> None:
    class Dead(ScriptedEngine):
        async def answer(self, passage: Passage, types: Sequence[EntityType], call: Call | None = None) -> list[Answer]:
            raise EngineUnavailable("gone")

    engine = Breaking(Dead(lambda passage, kind: []), failures=1, pause_s=10)
    with pytest.raises(EngineUnavailable):
        await engine.answer(Passage("x"), KINDS)
    assert {type(answer.failure) for answer in await engine.answer(Passage("x"), KINDS)} == {CircuitOpen}
    assert engine.info().name == "scripted"


async def test_the_reason_says_how_long_and_how_often(play: Play) -> None:
    await play.open()
    (answer, _) = await play.engine.answer(Passage("x"), KINDS)
    assert str(answer.failure) == "scripted failed 2 times in a row and is suspended for 10 s: check that it runs"
    await play.engine.aclose()
    assert play.inner.closed
