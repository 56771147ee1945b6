from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import anyio
import orjson
import pytest

from uniner_mcp.caches.sqlite import SqliteCache
from uniner_mcp.engines.base import Answer, Call, Engine, Mention, Passage
from uniner_mcp.engines.scripted import ScriptedEngine
from uniner_mcp.engines.wrappers.cached import Cached
from uniner_mcp.errors import EngineError
from uniner_mcp.schema import EntityType

pytestmark = pytest.mark.anyio

PASSAGE = Passage("Ada met Bob in Paris.")
A, B, C = (EntityType(name=name) for name in "abc")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class DictCache:
    """A cache in memory that counts how often it was read and written."""

    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}
        self.reads: list[list[str]] = []
        self.writes: list[list[str]] = []
        self.closed = False

    async def get_many(self, keys: Sequence[str]) -> dict[str, bytes]:
        self.reads.append(list(keys))
        return {key: self.values[key] for key in keys if key in self.values}

    async def put_many(self, items: Mapping[str, bytes]) -> None:
        self.writes.append(list(items))
        self.values.update(items)

    async def aclose(self) -> None:
        self.closed = True


class Gate:
    """A script that stops at each type until it is let go, and notes what was begun and what was cancelled."""

    def __init__(self) -> None:
        self.begun = {type.name: asyncio.Event() for type in (A, B, C)}
        self.let_go = {type.name: asyncio.Event() for type in (A, B, C)}
        self.cancelled: list[str] = []
        self.error: Exception | None = None

    async def __call__(self, passage: Passage, type: EntityType) -> Sequence[Mention | str]:
        self.begun[type.name].set()
        try:
            await self.let_go[type.name].wait()
        except asyncio.CancelledError:
            self.cancelled.append(type.name)
            raise
        if self.error:
            raise self.error
        return [type.name]

    def open(self) -> None:
        for event in self.let_go.values():
            event.set()


def asked(engine: ScriptedEngine) -> str:
    return "".join(name for _, name in engine.asked)


def said(answers: Sequence[Answer]) -> list[list[str]]:
    return [[mention.text for mention in answer.mentions] for answer in answers]


def cached(answers: Sequence[Answer]) -> list[bool]:
    return [answer.provenance.cached for answer in answers]


def naming(passage: Passage, type: EntityType) -> Sequence[str]:
    return [type.name]


def begin(engine: Engine, *types: EntityType, passage: Passage = PASSAGE) -> asyncio.Task[list[Answer]]:
    return asyncio.create_task(engine.answer(passage, types))


# Remembering


async def test_a_question_is_asked_once_and_then_answered_from_the_cache() -> None:
    inner = ScriptedEngine(naming)
    engine: Engine = Cached(inner, DictCache())
    assert cached(await engine.answer(PASSAGE, [A])) == [False]
    again = await engine.answer(PASSAGE, [A])
    assert (said(again), cached(again)) == ([["a"]], [True])
    assert asked(inner) == "a"


async def test_only_the_missing_types_are_asked_and_the_order_is_kept() -> None:
    inner, cache = ScriptedEngine(naming), DictCache()
    engine = Cached(inner, cache)
    await engine.answer(PASSAGE, [B])
    answers = await engine.answer(PASSAGE, [C, B, A])
    assert (said(answers), cached(answers)) == ([["c"], ["b"], ["a"]], [False, True, False])
    assert [answer.type for answer in answers] == [C, B, A]
    assert asked(inner) == "bca"
    assert [len(keys) for keys in cache.reads] == [1, 3]
    assert [len(keys) for keys in cache.writes] == [1, 2]


async def test_the_missing_types_are_asked_in_one_call() -> None:
    calls: list[list[str]] = []

    class Noting(ScriptedEngine):
        async def answer(self, passage: Passage, types: Sequence[EntityType], call: Call | None = None) -> list[Answer]:
            calls.append([type.name for type in types])
            return await super().answer(passage, types, call)

    await Cached(Noting(naming), DictCache()).answer(PASSAGE, [A, B, C])
    assert calls == [["a", "b", "c"]]


async def test_a_type_given_twice_is_asked_once_and_answered_twice() -> None:
    inner = ScriptedEngine(naming)
    answers = await Cached(inner, DictCache()).answer(PASSAGE, [A, B, A])
    assert said(answers) == [["a"], ["b"], ["a"]]
    assert asked(inner) == "ab"


async def test_no_types_are_no_questions() -> None:
    inner, cache = ScriptedEngine(naming), DictCache()
    assert await Cached(inner, cache).answer(PASSAGE, []) == []
    assert (inner.asked, cache.reads) == ([], [])


async def test_an_answer_comes_back_from_the_cache_as_it_was_given(tmp_path: Path) -> None:
    mentions = [Mention("Ada", (0, 3), 0.1 + 0.2), Mention("Bob \N{GRINNING FACE}\x00", None, 1.0), Mention("", (4, 4))]
    inner = ScriptedEngine(lambda passage, type: mentions, name="nano", model="m")
    given = await Cached(inner, cache := SqliteCache(tmp_path / "answers.sqlite")).answer(PASSAGE, [A, B])
    await cache.aclose()
    engine = Cached(inner, SqliteCache(tmp_path / "answers.sqlite"))
    kept = await engine.answer(PASSAGE, [A, B])
    assert kept == [replace(answer, provenance=replace(answer.provenance, cached=True)) for answer in given]
    assert kept[0].mentions == tuple(mentions)
    await engine.aclose()


async def test_the_engine_that_gave_an_answer_is_remembered_and_not_the_one_that_is_asked() -> None:
    class Delegating(ScriptedEngine):
        async def answer(self, passage: Passage, types: Sequence[EntityType], call: Call | None = None) -> list[Answer]:
            return await ScriptedEngine(naming, name="teacher", model="large").answer(passage, types)

    engine = Cached(Delegating(naming, name="fallback", model="both"), DictCache())
    await engine.answer(PASSAGE, [A])
    (answer,) = await engine.answer(PASSAGE, [A])
    by = answer.provenance
    assert (by.engine, by.model, by.fingerprint, by.cached) == ("teacher", "large", "teacher/large", True)


async def test_where_a_passage_starts_does_not_matter_but_what_it_says_does() -> None:
    engine = Cached(ScriptedEngine(naming), DictCache())
    await engine.answer(Passage("Ada", 0), [A])
    assert cached(await engine.answer(Passage("Ada", 77), [A])) == [True]
    assert cached(await engine.answer(Passage("Ada.", 0), [A])) == [False]


async def test_another_model_or_definition_is_another_question() -> None:
    cache = DictCache()
    await Cached(ScriptedEngine(naming, model="1"), cache).answer(PASSAGE, [A])
    assert cached(await Cached(ScriptedEngine(naming, model="2"), cache).answer(PASSAGE, [A])) == [False]
    defined = EntityType(name="a", definition="first letter")
    assert cached(await Cached(ScriptedEngine(naming, model="1"), cache).answer(PASSAGE, [defined])) == [False]


async def test_a_failed_question_is_asked_again_and_the_others_are_kept() -> None:
    failing = True

    def script(passage: Passage, type: EntityType) -> Sequence[str]:
        if failing and type is B:
            raise EngineError("no list")
        return [type.name]

    inner = ScriptedEngine(script)
    engine = Cached(inner, DictCache())
    first = await engine.answer(PASSAGE, [A, B])
    assert [str(answer.failure) for answer in first] == ["None", "no list"]
    failing = False
    second = await engine.answer(PASSAGE, [A, B])
    assert (said(second), cached(second)) == ([["a"], ["b"]], [True, False])
    assert asked(inner) == "abb"


async def stored_and_found(cache: DictCache, change: Callable[[str, bytes], bytes]) -> list[list[bool]]:
    """Whether the answers are from the cache after it has changed what it stores, and once more after that."""
    inner = ScriptedEngine(lambda passage, type: [Mention("Ada", (0, 3), 0.5)])
    engine = Cached(inner, cache)
    first = await engine.answer(PASSAGE, [A, B])
    for key, value in cache.values.items():
        cache.values[key] = change(key, value)
    again = await engine.answer(PASSAGE, [A, B])
    assert [answer.mentions for answer in again] == [answer.mentions for answer in first]
    return [cached(again), cached(await engine.answer(PASSAGE, [A, B]))]


@pytest.mark.parametrize(
    "change",
    [
        lambda value: b"",
        lambda value: value[:-1],
        lambda value: value + b" ",
        lambda value: value[8:],
        lambda value: b"\0" * 8 + value[8:],
        lambda value: value.replace(b"Ada", b"Bob"),
        lambda value: value.replace(b"Ada", b"\xff\xff\xff"),
        lambda value: value.replace(b"0.5", b"0.6"),
        lambda value: value.replace(b"0.5", b"7.5"),
        lambda value: value.replace(b"[0,3]", b"null"),
        lambda value: value.replace(b"scripted", b"somebody"),
    ],
)
async def test_a_value_that_was_changed_is_a_miss_and_is_replaced(change: Callable[[bytes], bytes]) -> None:
    assert await stored_and_found(DictCache(), lambda key, value: change(value)) == [[False] * 2, [True] * 2]


async def test_the_value_of_another_question_is_a_miss_and_is_replaced() -> None:
    cache = DictCache()
    others: dict[str, bytes] = {}

    def swapped(key: str, value: bytes) -> bytes:
        others.update({key: value} if others else cache.values)
        return next(other for name, other in others.items() if name != key)

    assert await stored_and_found(cache, swapped) == [[False] * 2, [True] * 2]


@pytest.mark.parametrize(
    "content",
    [
        b"not json",
        b"{}",
        b"[]",
        orjson.dumps(["e", "m", "f", [], "more"]),
        orjson.dumps(["e", "m", "f", [["Ada", [0], None]]]),
        orjson.dumps(["e", "m", "f", [["Ada", ["0", "3"], None]]]),
        orjson.dumps(["e", "m", "f", [[1, None, None]]]),
        b'["e","m","f",[["\xff",null,null]]]',
        orjson.dumps(["e", "m", "f", [["Ada", [0, 3], 1.5]]]),
        orjson.dumps(["e", "m", "f", [["Ada", [0, 3], -0.1]]]),
        orjson.dumps(["e", "m", "f", [["Ada", [0, 3], "0.5"]]]),
        b'["e","m","f",[["Ada",[0,3],NaN]]]',
        b'["e","m","f",[["Ada",[0,3],Infinity]]]',
        orjson.dumps(["e", "m", "f", [["Bob", [0, 3], 0.5]]]),
        orjson.dumps(["e", "m", "f", [["Ada", [1, 4], 0.5]]]),
        orjson.dumps(["e", "m", "f", [["Ada", [-21, 3], 0.5]]]),
        orjson.dumps(["e", "m", "f", [["", [21, 22], 0.5]]]),
        orjson.dumps(["e", "m", "f", [["", [3, 1], 0.5]]]),
        b'["e","m","f",[["Ada",[0,%d],0.5]]]' % 10**30,
    ],
)
async def test_a_value_that_is_no_answer_about_the_passage_is_a_miss_and_is_replaced(content: bytes) -> None:
    def with_check(key: str, value: bytes) -> bytes:
        return hashlib.sha256(key.encode() + content).digest()[:8] + content

    assert await stored_and_found(DictCache(), with_check) == [[False] * 2, [True] * 2]


@pytest.mark.parametrize("mention", [Mention("Ada", None, 1.01), Mention("Bob", (0, 3)), Mention("", (22, 22))])
async def test_an_answer_that_would_be_a_miss_is_given_but_not_kept(mention: Mention) -> None:
    cache = DictCache()
    (answer,) = await Cached(ScriptedEngine(lambda passage, type: [mention]), cache).answer(PASSAGE, [A])
    assert answer.mentions == (mention,)
    assert cache.values == {}


async def test_an_answer_that_json_cannot_hold_is_given_but_not_kept() -> None:
    cache = DictCache()
    engine = Cached(ScriptedEngine(lambda passage, type: ["half a pair: \ud800"]), cache)
    assert said(await engine.answer(PASSAGE, [A])) == [["half a pair: \ud800"]]
    assert cache.values == {}


async def test_info_and_closing_are_those_of_the_wrapped_engine_and_the_cache() -> None:
    inner, cache = ScriptedEngine(naming), DictCache()
    engine = Cached(inner, cache)
    assert engine.info() == inner.info()
    await engine.aclose()
    await engine.aclose()
    assert inner.closed
    assert cache.closed


# Asking at the same time


async def test_equal_questions_at_the_same_time_are_computed_once() -> None:
    inner = ScriptedEngine(gate := Gate())
    engine = Cached(inner, DictCache())
    calls = [begin(engine, A, passage=Passage("Ada", start)) for start in (0, 10, 20)]
    await gate.begun["a"].wait()
    gate.open()
    assert [said(await call) for call in calls] == [[["a"]]] * 3
    assert asked(inner) == "a"


async def test_calls_that_overlap_share_the_question_that_they_have_in_common() -> None:
    inner = ScriptedEngine(gate := Gate())
    engine = Cached(inner, DictCache())
    first = begin(engine, A, B)
    await gate.begun["a"].wait()
    second = begin(engine, B, C)
    await gate.begun["c"].wait()
    gate.open()
    assert said(await first) == [["a"], ["b"]]
    assert said(await second) == [["b"], ["c"]]
    assert sorted(asked(inner)) == ["a", "b", "c"]


async def test_a_call_that_is_cancelled_takes_nothing_from_the_others() -> None:
    inner = ScriptedEngine(gate := Gate())
    engine = Cached(inner, DictCache())
    first, second = begin(engine, A, B), begin(engine, B)
    await gate.begun["a"].wait()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    gate.open()
    assert said(await second) == [["b"]]
    assert cached(await engine.answer(PASSAGE, [A])) == [True]
    assert (asked(inner), gate.cancelled) == ("ab", [])


async def test_a_call_that_is_cancelled_does_not_disturb_the_call_that_it_joined() -> None:
    inner = ScriptedEngine(gate := Gate())
    engine = Cached(inner, DictCache())
    first, second = begin(engine, A), begin(engine, A)
    await gate.begun["a"].wait()
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    gate.open()
    assert said(await first) == [["a"]]
    assert gate.cancelled == []


async def test_the_computation_is_cancelled_when_nobody_waits_for_it_any_more() -> None:
    inner, cache = ScriptedEngine(gate := Gate()), DictCache()
    engine = Cached(inner, cache)
    calls = [begin(engine, A), begin(engine, A)]
    await gate.begun["a"].wait()
    for call in calls:
        assert gate.cancelled == []
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
    assert gate.cancelled == ["a"]
    assert cache.values == {}
    gate.open()
    assert said(await engine.answer(PASSAGE, [A])) == [["a"]]
    assert asked(inner) == "aa"


async def test_only_the_computations_nobody_waits_for_are_cancelled() -> None:
    inner = ScriptedEngine(gate := Gate())
    engine = Cached(inner, DictCache())
    first = begin(engine, A)
    await gate.begun["a"].wait()
    second = begin(engine, A, B)
    await gate.begun["b"].wait()
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    assert gate.cancelled == ["b"]
    gate.open()
    assert said(await first) == [["a"]]


async def test_a_cancel_scope_that_ends_a_call_ends_its_computation() -> None:
    inner = ScriptedEngine(gate := Gate())
    engine = Cached(inner, DictCache())
    async with anyio.create_task_group() as group:
        group.start_soon(engine.answer, PASSAGE, [A])
        await gate.begun["a"].wait()
        group.cancel_scope.cancel()
    assert gate.cancelled == ["a"]


async def test_a_question_asked_while_its_cancelled_computation_still_ends_is_computed_anew() -> None:
    begun, ending, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def slow_to_end(passage: Passage, type: EntityType) -> Sequence[str]:
        if begun.is_set():
            return ["anew"]
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ending.set()
            await ended.wait()
        return []

    engine = Cached(ScriptedEngine(slow_to_end), DictCache())
    first = begin(engine, A)
    await begun.wait()
    first.cancel()
    await ending.wait()
    assert said(await engine.answer(PASSAGE, [A])) == [["anew"]]
    assert not first.done()
    ended.set()
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_what_a_computation_raises_reaches_all_that_wait_and_is_not_remembered() -> None:
    inner = ScriptedEngine(gate := Gate())
    gate.error = RuntimeError("out of memory")
    engine = Cached(inner, DictCache())
    calls = [begin(engine, A), begin(engine, A, B)]
    await gate.begun["a"].wait()
    gate.open()
    for call in calls:
        with pytest.raises(RuntimeError, match="out of memory"):
            await call
    gate.error = None
    assert said(await engine.answer(PASSAGE, [A])) == [["a"]]


async def test_an_answer_that_failed_reaches_all_that_wait_and_is_not_remembered() -> None:
    inner = ScriptedEngine(gate := Gate())
    gate.error = EngineError("no list")
    engine = Cached(inner, DictCache())
    calls = [begin(engine, A), begin(engine, A)]
    await gate.begun["a"].wait()
    gate.open()
    assert [[str(answer.failure) for answer in await call] for call in calls] == [["no list"]] * 2
    gate.error = None
    assert said(await engine.answer(PASSAGE, [A])) == [["a"]]


async def test_a_finished_computation_is_not_joined_while_its_call_still_waits_for_another() -> None:
    failing = True
    gate = Gate()

    async def script(passage: Passage, type: EntityType) -> Sequence[Mention | str]:
        if failing and type is A:
            raise EngineError("no list")
        return await gate(passage, type)

    inner = ScriptedEngine(script)
    engine = Cached(inner, DictCache())
    first = begin(engine, B)
    await gate.begun["b"].wait()
    second = begin(engine, A, B)
    await anyio.wait_all_tasks_blocked()
    failing = False
    gate.let_go["a"].set()
    assert said(await engine.answer(PASSAGE, [A])) == [["a"]]
    gate.open()
    assert said(await first) == [["b"]]
    assert [str(answer.failure) for answer in await second] == ["no list", "None"]
    assert asked(inner) == "baa"


async def test_what_was_answered_before_a_call_is_cancelled_is_remembered() -> None:
    inner = ScriptedEngine(gate := Gate())
    engine = Cached(inner, cache := DictCache())
    call = begin(engine, A, B, C)
    await gate.begun["a"].wait()
    gate.let_go["a"].set()
    await gate.begun["b"].wait()
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    assert len(cache.values) == 1
    gate.open()
    again = await engine.answer(PASSAGE, [A, B, C])
    assert (said(again), cached(again)) == ([["a"], ["b"], ["c"]], [True, False, False])


async def test_what_was_answered_before_an_engine_breaks_is_remembered() -> None:
    async def script(passage: Passage, type: EntityType) -> list[Mention | str]:
        if type is B:
            raise RuntimeError("out of memory")
        return [type.name]

    engine = Cached(ScriptedEngine(script), cache := DictCache())
    with pytest.raises(RuntimeError):
        await engine.answer(PASSAGE, [A, B])
    assert len(cache.values) == 1


async def test_answers_are_told_early_to_all_that_wait_also_to_those_that_come_later() -> None:
    inner = ScriptedEngine(gate := Gate())
    engine = Cached(inner, DictCache())
    heard: list[list[str]] = [[], []]
    calls = [
        asyncio.create_task(engine.answer(PASSAGE, [A, B], Call(early=lambda one: heard[0].append(one.type.name))))
    ]
    await gate.begun["a"].wait()
    gate.let_go["a"].set()
    await gate.begun["b"].wait()
    assert heard == [["a"], []]
    calls.append(
        asyncio.create_task(engine.answer(PASSAGE, [A, B], Call(early=lambda one: heard[1].append(one.type.name))))
    )
    await anyio.wait_all_tasks_blocked()
    assert heard == [["a"], ["a"]]
    gate.open()
    await asyncio.gather(*calls)
    assert heard == [["a", "b"], ["a", "b"]] and asked(inner) == "ab"


async def test_what_is_known_is_told_without_asking_anything() -> None:
    inner = ScriptedEngine(lambda passage, type: [type.name])
    engine = Cached(inner, DictCache())
    await engine.answer(PASSAGE, [A])
    known = await engine.known(PASSAGE, [A, B])
    assert list(known) == [A] and known[A].provenance.cached and asked(inner) == "a"
