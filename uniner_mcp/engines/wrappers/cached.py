"""An engine that caches answers, and that computes a question only once if it is asked concurrently."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import anyio

from uniner_mcp.caches.base import Cache, question_key
from uniner_mcp.engines.base import Answer, Call, Engine, EngineInfo, Passage
from uniner_mcp.engines.wrappers.stored import decoded, encoded
from uniner_mcp.schema import EntityType


@dataclass(eq=False, slots=True)
class _Flight:
    """Questions that one task is answering, their answers so far, and the calls that wait for them."""

    questions: Mapping[str, EntityType]
    call: Call
    found: dict[str, Answer] = field(default_factory=dict[str, Answer])
    waiters: list[Callable[[Answer], None]] = field(default_factory=list[Callable[[Answer], None]])
    task: asyncio.Task[None] = field(init=False)

    def tell(self, key: str, answer: Answer) -> None:
        """Add an answer and pass it to the waiting calls."""
        self.found[key] = answer
        for early in self.waiters:
            early(answer)

    def join(self, early: Callable[[Answer], None]) -> None:
        """Add a call that waits, and pass it the answers so far."""
        for answer in list(self.found.values()):
            early(answer)
        self.waiters.append(early)


class Cached:
    """Asks `engine` only questions that are neither in `cache` nor already in flight.

    Answers are stored, except failures and truncated ones. Early answers are stored even if the engine breaks or is
    cancelled, so that a retry asks only the rest. Calls that share a question share its computation, which is cancelled
    only when no call waits for it any more; all of them receive its exception.
    """

    def __init__(self, engine: Engine, cache: Cache) -> None:
        """Wrap `engine`; it and `cache`, which may be shared, are closed together with this one."""
        self._engine = engine
        self._cache = cache
        self._flights: dict[str, _Flight] = {}

    def info(self) -> EngineInfo:
        """Describe the wrapped engine."""
        return self._engine.info()

    async def answer(self, passage: Passage, types: Sequence[EntityType], call: Call | None = None) -> list[Answer]:
        """Return one answer per type, in the order of `types`; the provenance of those from the cache is `cached`."""
        if not types:
            return []
        call = call or Call()
        if call.trial:
            return await self._engine.answer(passage, types, call)
        keys = self._keys(passage, types)
        flights = self._join(passage, dict(zip(keys, types, strict=True)), call)
        tasks = {flight.task for flight in flights.values()}
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
            for task in done:
                task.result()  # Raise the exception of the task.
            return [flights[key].found[key] for key in keys]
        finally:
            await self._leave(set(flights.values()), call.early)

    async def known(self, passage: Passage, types: Sequence[EntityType]) -> dict[EntityType, Answer]:
        """Return the answers that are in the cache, without asking the engine."""
        questions = dict(zip(self._keys(passage, types), types, strict=True))
        return {answer.type: answer for answer in (await self._stored(passage, questions)).values()}

    async def aclose(self) -> None:
        """Close the wrapped engine and the cache."""
        try:
            await self._engine.aclose()
        finally:
            await self._cache.aclose()

    def _keys(self, passage: Passage, types: Sequence[EntityType]) -> list[str]:
        fingerprint = self.info().fingerprint
        return [question_key(fingerprint, passage.text, type) for type in types]

    def _join(self, passage: Passage, questions: Mapping[str, EntityType], call: Call) -> dict[str, _Flight]:
        """Return the flight of each question: an existing one, or else a new one for all the rest."""
        in_flight = ((key, self._flights.get(key)) for key in questions)
        flights = {key: flight for key, flight in in_flight if flight and not flight.task.done()}
        rest = {key: type for key, type in questions.items() if key not in flights}
        if rest:
            flight = _Flight(rest, call)
            flight.task = asyncio.create_task(self._compute(passage, flight))
            flights |= dict.fromkeys(rest, flight)
            self._flights |= dict.fromkeys(rest, flight)
        for flight in set(flights.values()):
            flight.join(call.early)
        return flights

    async def _leave(self, flights: Iterable[_Flight], early: Callable[[Answer], None]) -> None:
        """Stop waiting. Flights that no call waits for are cancelled, and have ended when this returns."""
        for flight in flights:
            flight.waiters.remove(early)
        left = [flight for flight in flights if not flight.waiters]
        for flight in left:
            flight.task.cancel()
            for key in flight.questions:
                if self._flights.get(key) is flight:
                    del self._flights[key]
        if cancelled := [flight.task for flight in left if not flight.task.done()]:
            with anyio.CancelScope(shield=True):
                await asyncio.gather(*cancelled, return_exceptions=True)

    async def _compute(self, passage: Passage, flight: _Flight) -> None:
        for key, answer in (await self._stored(passage, flight.questions)).items():
            flight.tell(key, answer)
        missing = {type: key for key, type in flight.questions.items() if key not in flight.found}
        if not missing:
            return

        def early(answer: Answer) -> None:
            flight.tell(missing[answer.type], answer)

        try:
            answers = await self._engine.answer(passage, list(missing), replace(flight.call, early=early))
            flight.found |= zip(missing.values(), answers, strict=True)
        finally:
            with anyio.CancelScope(shield=True):
                await self._store(passage, {key: flight.found[key] for key in missing.values() if key in flight.found})

    async def _stored(self, passage: Passage, questions: Mapping[str, EntityType]) -> dict[str, Answer]:
        values = await self._cache.get_many(list(questions))
        answers = ((key, decoded(key, passage, questions[key], value)) for key, value in values.items())
        return {key: answer for key, answer in answers if answer is not None}

    async def _store(self, passage: Passage, answers: Mapping[str, Answer]) -> None:
        whole = (key for key, answer in answers.items() if answer.failure is None and not answer.truncated)
        values = ((key, encoded(key, passage, answers[key])) for key in whole)
        await self._cache.put_many({key: value for key, value in values if value is not None})
