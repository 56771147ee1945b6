"""The choice between two answers, at the seam; the whole road with sockets is in acceptance/test_fallback.py."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest
from clock import Clock

from uniner_mcp.caches.base import NoCache
from uniner_mcp.engines.base import Answer, Call, Mention, Passage
from uniner_mcp.engines.scripted import ScriptedEngine
from uniner_mcp.engines.teacher.policy import Policy
from uniner_mcp.engines.teacher.rules import PolicyRules
from uniner_mcp.engines.wrappers.cached import Cached
from uniner_mcp.engines.wrappers.fallback import Fallback
from uniner_mcp.errors import (
    AnswerRefused,
    CircuitOpen,
    EngineError,
    EngineTimeout,
    EngineUnavailable,
    EveryRouteFailed,
    UnreadableAnswer,
)
from uniner_mcp.schema import EntityType

pytestmark = pytest.mark.anyio
PASSAGE = Passage("Ada met Bob.")
KIND = EntityType(name="person")
FAILURES = {
    "unavailable": EngineUnavailable("x"),
    "timeout": EngineTimeout("x"),
    "circuit-open": CircuitOpen("x"),
    "unreadable": UnreadableAnswer("x"),
    "failed": EngineError("x"),
}


def policy(**triggers: object) -> Policy:
    return Policy.model_validate(
        {
            "name": "mine",
            "description": "x",
            "consent": "operator",
            "teacher": {"model": "m", "timeout_s": 80},
            "triggers": triggers,
        }
    )


def engine(said: EngineError | list[Mention | str], name: str) -> ScriptedEngine:
    def script(passage: Passage, kind: EntityType) -> list[Mention | str]:
        if isinstance(said, EngineError):
            raise said
        return said

    return ScriptedEngine(script, name=name)


async def chosen(
    local: EngineError | list[Mention | str],
    teacher: EngineError | list[Mention | str],
    accuracy: Callable[[EntityType, str | None], float | None] = lambda kind, domain: None,
    **triggers: object,
) -> Answer:
    taught = Cached(engine(teacher, "teacher"), NoCache())
    (answer,) = await Fallback(engine(local, "local"), taught, PolicyRules(policy(**triggers), accuracy)).answer(
        PASSAGE, [KIND]
    )
    return answer


@pytest.mark.parametrize("trigger", FAILURES)
@pytest.mark.parametrize("failure", FAILURES)
async def test_each_kind_of_failure_has_its_trigger(trigger: str, failure: str) -> None:
    answer = await chosen(FAILURES[failure], ["Ada"], on=[trigger])
    assert answer.provenance.engine == ("teacher" if trigger == failure else "local")
    assert (answer.failure is None) == (trigger == failure)


@pytest.mark.parametrize(
    ("mentions", "teacher"),
    [
        ([Mention("Ada", confidence=0.9), Mention("Bob", confidence=0.49)], True),
        ([Mention("Ada", confidence=0.5)], False),
        ([Mention("Ada")], False),
        ([], False),
    ],
)
async def test_one_uncertain_mention_is_enough(mentions: list[Mention | str], teacher: bool) -> None:
    answer = await chosen(mentions, ["Cyd"], confidence_below=0.5)
    assert (answer.provenance.engine == "teacher") == teacher


@pytest.mark.parametrize(("known", "teacher"), [(29.9, True), (30.0, False), (None, False)])
async def test_what_the_local_model_is_known_to_be_bad_at_goes_on(known: float | None, teacher: bool) -> None:
    answer = await chosen(["Ada"], ["Cyd"], lambda kind, domain: known, accuracy_below=30)
    assert (answer.provenance.engine == "teacher") == teacher


async def test_where_both_fail_the_answer_holds_both_causes() -> None:
    refused = AnswerRefused("y")
    answer = await chosen(FAILURES["timeout"], refused, on=["timeout"])
    assert isinstance(answer.failure, EveryRouteFailed)
    assert answer.failure.causes == (FAILURES["timeout"], refused) and str(answer.failure) == "x; y"


async def test_the_local_answer_stands_where_the_teacher_fails() -> None:
    answer = await chosen([Mention("Ada", confidence=0.1)], AnswerRefused("y"), confidence_below=0.5)
    assert (answer.provenance.engine, answer.failure, str(answer.missed)) == ("local", None, "y")


async def test_a_local_engine_that_hangs_leaves_the_teacher_half_of_the_time(clock: Clock) -> None:
    async def hang(passage: Passage, kind: EntityType) -> list[str]:
        clock.advance(50)
        await asyncio.Event().wait()
        return []

    taught = Cached(engine(["Ada"], "teacher"), NoCache())
    fallback = Fallback(ScriptedEngine(hang), taught, PolicyRules(policy(on=["timeout"]), lambda *_: None))
    told: list[Answer] = []
    call = Call(deadline=time.monotonic() + 100, early=told.append)
    (answer,) = await fallback.answer(PASSAGE, [KIND], call)
    assert answer.provenance.engine == "teacher" and told == [answer]


async def test_both_engines_are_closed_even_if_one_cannot_be() -> None:
    class Stuck(ScriptedEngine):
        async def aclose(self) -> None:
            raise RuntimeError("stuck")

    teacher = engine([], "teacher")
    fallback = Fallback(
        Stuck(lambda passage, kind: []), Cached(teacher, NoCache()), PolicyRules(policy(on=["failed"]), lambda *_: 0)
    )
    with pytest.raises(RuntimeError):
        await fallback.aclose()
    assert teacher.closed
