from __future__ import annotations

import asyncio
from collections.abc import Sequence

import anyio
import pytest

from uniner_mcp.engines.base import Call, Mention, Passage
from uniner_mcp.engines.scripted import ScriptedEngine
from uniner_mcp.engines.wrappers.limited import Limited
from uniner_mcp.errors import SettingsError
from uniner_mcp.schema import EntityType

pytestmark = pytest.mark.anyio

TYPES = [EntityType(name="person")]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Gate:
    """A script that tells when a passage is begun, and ends it when it is let go."""

    def __init__(self, passages: str) -> None:
        self.begun = {passage: asyncio.Event() for passage in passages}
        self.let_go = {passage: asyncio.Event() for passage in passages}

    async def __call__(self, passage: Passage, type: EntityType) -> Sequence[Mention | str]:
        self.begun[passage.text].set()
        await self.let_go[passage.text].wait()
        return [passage.text]

    def under_way(self) -> str:
        return "".join(passage for passage, event in self.begun.items() if event.is_set())


async def test_only_so_many_calls_run_at_once_and_the_others_follow_in_order() -> None:
    gate = Gate("abcd")
    engine = Limited(ScriptedEngine(gate), at_once=2)
    async with anyio.create_task_group() as group:
        for passage in "abcd":
            group.start_soon(engine.answer, Passage(passage), TYPES)
        await gate.begun["b"].wait()
        await anyio.wait_all_tasks_blocked()
        assert gate.under_way() == "ab"
        gate.let_go["b"].set()
        await gate.begun["c"].wait()
        await anyio.wait_all_tasks_blocked()
        assert gate.under_way() == "abc"
        gate.let_go["a"].set()
        await gate.begun["d"].wait()
        gate.let_go["c"].set()
        gate.let_go["d"].set()


async def test_a_newcomer_does_not_overtake_a_call_that_waits() -> None:
    gate = Gate("abc")
    scripted = ScriptedEngine(gate)
    engine = Limited(scripted, at_once=1)
    async with anyio.create_task_group() as group:
        group.start_soon(engine.answer, Passage("a"), TYPES)
        await gate.begun["a"].wait()
        group.start_soon(engine.answer, Passage("b"), TYPES)
        await anyio.wait_all_tasks_blocked()
        for passage in "abc":
            gate.let_go[passage].set()
        await engine.answer(Passage("c"), TYPES)
    assert [passage for passage, _ in scripted.asked] == ["a", "b", "c"]


async def test_cancelling_a_call_that_runs_gives_its_place_to_the_next() -> None:
    gate = Gate("ab")
    engine = Limited(ScriptedEngine(gate), at_once=1)
    running = asyncio.create_task(engine.answer(Passage("a"), TYPES))
    await gate.begun["a"].wait()
    waiting = asyncio.create_task(engine.answer(Passage("b"), TYPES))
    running.cancel()
    await gate.begun["b"].wait()
    gate.let_go["b"].set()
    assert [answer.mentions for answer in await waiting] == [(Mention("b"),)]
    assert running.cancelled()


async def test_cancelling_a_call_that_waits_gives_its_turn_to_the_next() -> None:
    gate = Gate("abc")
    scripted = ScriptedEngine(gate)
    engine = Limited(scripted, at_once=1)
    calls = [asyncio.create_task(engine.answer(Passage(passage), TYPES)) for passage in "abc"]
    await gate.begun["a"].wait()
    await anyio.wait_all_tasks_blocked()
    calls[1].cancel()
    gate.let_go["a"].set()
    gate.let_go["c"].set()
    await calls[0]
    await calls[2]
    assert calls[1].cancelled()
    assert [passage for passage, _ in scripted.asked] == ["a", "c"]


async def test_a_call_that_raises_gives_its_place_back() -> None:
    def script(passage: Passage, type: EntityType) -> Sequence[str]:
        if passage.text == "bad":
            raise RuntimeError
        return []

    engine = Limited(ScriptedEngine(script), at_once=1)
    with pytest.raises(RuntimeError):
        await engine.answer(Passage("bad"), TYPES)
    assert len(await engine.answer(Passage("good"), TYPES)) == 1


async def test_info_and_closing_are_those_of_the_wrapped_engine() -> None:
    inner = ScriptedEngine(lambda passage, type: [])
    engine = Limited(inner, at_once=1)
    assert engine.info() == inner.info()
    await engine.aclose()
    await engine.aclose()
    assert inner.closed


def test_no_place_at_all_is_refused() -> None:
    with pytest.raises(SettingsError, match="at_once"):
        Limited(ScriptedEngine(lambda passage, type: []), at_once=0)


async def test_a_short_request_goes_before_the_further_passages_of_a_document() -> None:
    gate = Gate("abcdx")
    scripted = ScriptedEngine(gate)
    engine = Limited(scripted, at_once=2)
    document, short = Call(), Call()
    async with anyio.create_task_group() as group:
        for passage in "abcd":
            group.start_soon(engine.answer, Passage(passage), TYPES, document)
        await gate.begun["b"].wait()
        group.start_soon(engine.answer, Passage("x"), TYPES, short)
        await anyio.wait_all_tasks_blocked()
        for passage in "abcdx":
            gate.let_go[passage].set()
    assert [passage for passage, _ in scripted.asked] == ["a", "b", "x", "c", "d"]


async def test_a_turn_that_comes_while_its_call_is_cancelled_goes_to_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate("abc")
    scripted = ScriptedEngine(gate)
    engine = Limited(scripted, at_once=1)
    calls = [asyncio.create_task(engine.answer(Passage(passage), TYPES)) for passage in "abc"]
    await gate.begun["a"].wait()
    await anyio.wait_all_tasks_blocked()
    leave = engine._leave

    def leave_and_cancel(request: int) -> None:
        leave(request)  # The turn is given to the second call, which has not woken up yet.
        if not calls[1].cancelling():
            calls[1].cancel()

    monkeypatch.setattr(engine, "_leave", leave_and_cancel)
    gate.let_go["a"].set()
    gate.let_go["c"].set()
    await calls[2]
    assert calls[1].cancelled() and [passage for passage, _ in scripted.asked] == ["a", "c"]
