from __future__ import annotations

import pytest

from uniner_mcp.engines.generative import replicas
from uniner_mcp.engines.generative.replicas import Replicas

pytestmark = pytest.mark.anyio


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(replicas, "time", clock)
    return clock


class Health:
    """Which servers list their models, and how often they were asked to."""

    def __init__(self) -> None:
        self.well: set[str] = set()
        self.asked: list[str] = []

    async def __call__(self, address: str) -> bool:
        self.asked.append(address)
        return address in self.well


async def test_servers_that_are_well_take_turns() -> None:
    among = Replicas(["a", "b", "c"], Health())
    assert [await among.pick() for _ in range(5)] == ["a", "b", "c", "a", "b"]


async def test_one_that_is_down_is_left_alone_for_its_pause(clock: Clock) -> None:
    health = Health()
    among = Replicas(["a", "b"], health)
    among.is_down("a")
    assert [await among.pick() for _ in range(3)] == ["b", "b", "b"]
    assert health.asked == [] and not among.others_are_well("b")


async def test_after_its_pause_it_is_checked_and_the_pause_doubles_up_to_the_longest(clock: Clock) -> None:
    health = Health()
    among = Replicas(["a", "b"], health)
    among.is_down("a")
    pauses: list[float] = []
    for _ in range(9):
        began = clock.now
        checks = len(health.asked)
        while len(health.asked) == checks:
            clock.now += 0.5
            assert await among.pick() == "b"
        pauses.append(clock.now - began)
    assert pauses[:3] == pytest.approx([1, 2, 4], abs=1)
    assert max(pauses) == pytest.approx(60, abs=1)


async def test_one_that_answers_again_is_well(clock: Clock) -> None:
    health = Health()
    among = Replicas(["a", "b"], health)
    among.is_down("a")
    health.well.add("a")
    clock.now += 1
    assert "a" in [await among.pick(), await among.pick()]
    among.is_well("a")
    assert among.others_are_well("b") and {await among.pick(), await among.pick()} == {"a", "b"}


async def test_failures_during_a_pause_do_not_lengthen_it(clock: Clock) -> None:
    health = Health()
    among = Replicas(["a", "b"], health)
    for _ in range(8):
        among.is_down("a")
    clock.now += 1
    await among.pick()
    await among.pick()
    assert health.asked == ["a"]


async def test_where_all_are_down_the_one_whose_pause_ends_first_is_given(clock: Clock) -> None:
    among = Replicas(["a", "b"], Health())
    among.is_down("a")
    clock.now += 0.5
    among.is_down("b")
    assert [await among.pick(), await among.pick()] == ["a", "a"]


async def test_it_is_told_when_all_of_several_are_down(clock: Clock) -> None:
    among, alone = Replicas(["a", "b"], Health()), Replicas(["a"], Health())
    among.is_down("a")
    alone.is_down("a")
    assert (among.all_down(), alone.all_down()) == ([], [])
    among.is_down("b")
    assert among.all_down() == ["a", "b"]
    among.is_well("a")
    assert among.all_down() == []


async def test_a_single_server_is_always_given(clock: Clock) -> None:
    health = Health()
    among = Replicas(["a"], health)
    among.is_down("a")
    clock.now += 100
    assert await among.pick() == "a" and health.asked == []
