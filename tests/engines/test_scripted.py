from __future__ import annotations

import asyncio
from collections.abc import Sequence

import anyio
import pytest

from uniner_mcp.engines.base import Engine, EngineInfo, Mention, Passage, Provenance
from uniner_mcp.engines.scripted import ScriptedEngine
from uniner_mcp.errors import EngineError
from uniner_mcp.schema import EntityType

pytestmark = pytest.mark.anyio

PASSAGE = Passage("Ada met Bob.")
PERSON, COURT = EntityType(name="person"), EntityType(name="court")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_the_script_answers_each_type_in_order() -> None:
    ada = Mention("Ada", (0, 3), 0.9)
    engine: Engine = ScriptedEngine(lambda passage, type: [ada, "Bob"] if type is PERSON else [])
    answers = await engine.answer(PASSAGE, [COURT, PERSON])
    assert [(answer.type, answer.mentions, answer.failure) for answer in answers] == [
        (COURT, (), None),
        (PERSON, (ada, Mention("Bob")), None),
    ]


async def test_the_script_may_wait() -> None:
    event = asyncio.Event()

    async def script(passage: Passage, type: EntityType) -> Sequence[str]:
        await event.wait()
        return ["Ada"]

    engine = ScriptedEngine(script)
    call = asyncio.create_task(engine.answer(PASSAGE, [PERSON]))
    await anyio.wait_all_tasks_blocked()
    assert not call.done()
    event.set()
    assert [answer.mentions for answer in await call] == [(Mention("Ada"),)]


async def test_an_engine_error_makes_its_question_fail_and_no_other() -> None:
    def script(passage: Passage, type: EntityType) -> Sequence[str]:
        if type is COURT:
            raise EngineError("the model gave no list")
        return ["Ada"]

    court, person = await ScriptedEngine(script).answer(PASSAGE, [COURT, PERSON])
    assert (court.mentions, str(court.failure)) == ((), "the model gave no list")
    assert (person.mentions, person.failure) == ((Mention("Ada"),), None)


async def test_another_exception_is_raised() -> None:
    async def script(passage: Passage, type: EntityType) -> Sequence[str]:
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        await ScriptedEngine(script).answer(PASSAGE, [PERSON])


async def test_the_questions_asked_are_recorded() -> None:
    engine = ScriptedEngine(lambda passage, type: [])
    await engine.answer(PASSAGE, [PERSON, COURT])
    await engine.answer(Passage("Later.", 20), [PERSON])
    assert engine.asked == [("Ada met Bob.", "person"), ("Ada met Bob.", "court"), ("Later.", "person")]


async def test_it_says_of_itself_what_it_was_given() -> None:
    engine = ScriptedEngine(lambda passage, type: [], name="nano", model="m", context_budget=5, leaves_machine=True)
    assert engine.info() == EngineInfo("nano", "m", "nano/m", 5, True)
    (answer,) = await engine.answer(PASSAGE, [PERSON])
    assert answer.provenance == Provenance("nano", "m", "nano/m", cached=False)


async def test_closing_is_noted() -> None:
    engine = ScriptedEngine(lambda passage, type: [])
    assert not engine.closed
    await engine.aclose()
    await engine.aclose()
    assert engine.closed
