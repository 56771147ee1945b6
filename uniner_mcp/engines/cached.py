"""An engine that remembers answers, and that computes questions asked at the same time only once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import anyio
import orjson
from pydantic import TypeAdapter, ValidationError

from uniner_mcp.caches.base import Cache, question_key
from uniner_mcp.engines.base import Answer, Engine, EngineInfo, Mention, Passage, Provenance
from uniner_mcp.schema import EntityType

_Stored = tuple[str, str, str, tuple[tuple[str, tuple[int, int] | None, float | None], ...]]
_STORED: TypeAdapter[_Stored] = TypeAdapter(_Stored)


@dataclass(eq=False, slots=True)
class _Flight:
    """Questions being answered by one task, and how many calls wait for it."""

    keys: Iterable[str]
    task: asyncio.Task[dict[str, Answer]]
    waiters: int = 0


class Cached:
    """Asks `engine` only what is neither in `cache` nor being asked already.

    Answers are stored, failures and truncated ones are not. Calls that share a question share its computation, which
    is cancelled only when no call is left that waits for it; what it raises reaches all of them.
    """

    def __init__(self, engine: Engine, cache: Cache) -> None:
        """Wrap `engine`; it and `cache` are closed together with this one."""
        self._engine = engine
        self._cache = cache
        self._flights: dict[str, _Flight] = {}

    def info(self) -> EngineInfo:
        """What is to be known of the wrapped engine."""
        return self._engine.info()

    async def answer(self, passage: Passage, types: Sequence[EntityType]) -> list[Answer]:
        """One answer per type, in the order of `types`; those from the cache say so in their provenance."""
        if not types:
            return []
        fingerprint = self.info().fingerprint
        keys = [question_key(fingerprint, passage.text, type) for type in types]
        flights = self._board(passage, dict(zip(keys, types, strict=True)))
        tasks = {flight.task for flight in flights.values()}
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
            for task in done:
                task.result()  # raises what the task raised
            return [flights[key].task.result()[key] for key in keys]
        finally:
            await self._leave(set(flights.values()))

    async def aclose(self) -> None:
        """Close the wrapped engine and the cache."""
        try:
            await self._engine.aclose()
        finally:
            await self._cache.aclose()

    def _board(self, passage: Passage, questions: Mapping[str, EntityType]) -> dict[str, _Flight]:
        """The flight of each question: one that is under way, or else a new one for all the rest."""
        under_way = ((key, self._flights.get(key)) for key in questions)
        flights = {key: flight for key, flight in under_way if flight and not flight.task.done()}
        rest = {key: type for key, type in questions.items() if key not in flights}
        if rest:
            flight = _Flight(rest, asyncio.create_task(self._compute(passage, rest)))
            flights |= dict.fromkeys(rest, flight)
            self._flights |= dict.fromkeys(rest, flight)
        for flight in set(flights.values()):
            flight.waiters += 1
        return flights

    async def _leave(self, flights: Iterable[_Flight]) -> None:
        """Wait no longer; what nobody waits for is cancelled, and has ended when this returns."""
        for flight in flights:
            flight.waiters -= 1
        left = [flight for flight in flights if not flight.waiters]
        for flight in left:
            flight.task.cancel()
            for key in flight.keys:
                if self._flights.get(key) is flight:
                    del self._flights[key]
        if cancelled := [flight.task for flight in left if not flight.task.done()]:
            with anyio.CancelScope(shield=True):
                await asyncio.gather(*cancelled, return_exceptions=True)

    async def _compute(self, passage: Passage, questions: Mapping[str, EntityType]) -> dict[str, Answer]:
        stored = await self._cache.get_many(list(questions))
        answers = {key: answer for key, value in stored.items() if (answer := _decoded(value, questions[key]))}
        missing = [key for key in questions if key not in answers]
        if missing:
            fresh = await self._engine.answer(passage, [questions[key] for key in missing])
            answers |= zip(missing, fresh, strict=True)
            whole = (key for key in missing if answers[key].failure is None and not answers[key].truncated)
            values = ((key, _encoded(answers[key])) for key in whole)
            await self._cache.put_many({key: value for key, value in values if value is not None})
        return answers


def _encoded(answer: Answer) -> bytes | None:
    """The answer as bytes, or None where JSON cannot hold it."""
    by = answer.provenance
    mentions = [(mention.text, mention.span, mention.confidence) for mention in answer.mentions]
    try:
        return orjson.dumps((by.engine, by.model, by.fingerprint, mentions))
    except orjson.JSONEncodeError:
        return None


def _decoded(value: bytes, type: EntityType) -> Answer | None:
    """The answer that was stored, or None where the value is none."""
    try:
        engine, model, fingerprint, mentions = _STORED.validate_json(value, strict=True)
    except ValidationError:
        return None
    provenance = Provenance(engine, model, fingerprint, cached=True)
    return Answer(type, tuple(Mention(*mention) for mention in mentions), provenance)
