"""The local engine first, then the teacher for the questions that the rules pass on."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from uniner_mcp.engines.base import Answer, Call, Engine, EngineInfo, Passage
from uniner_mcp.engines.wrappers.asking import ask
from uniner_mcp.engines.wrappers.cached import Cached
from uniner_mcp.errors import EngineTimeout, NotSent
from uniner_mcp.schema import EntityType


class Rules(Protocol):
    """When the teacher is asked, and whose answer is returned (pure)."""

    @property
    def cached_first(self) -> bool:
        """Whether an answer of the teacher that is in the cache replaces a question to the local engine."""
        ...

    @property
    def teacher_timeout_s(self) -> float:
        """Seconds that the teacher may take for one passage."""
        ...

    def prefers_teacher(self, answer: Answer, call: Call) -> bool:
        """Return whether the teacher is to be asked in spite of this local answer."""
        ...

    def forbids(self, passage: Passage, call: Call) -> NotSent | None:
        """Return the rule that keeps the passage from being sent, or None."""
        ...

    def choose(self, local: Answer | None, teacher: Answer) -> Answer:
        """Return the teacher's answer, or the local one with the reason why the teacher's is missing."""
        ...


class Fallback:
    """Answers each question with `local`, and with `teacher` where the rules say so.

    A teacher's answer replaces the local one. Where the teacher does not answer, the local answer is returned and
    says so (`missed`); a question that neither answered fails with all causes. Answers in the teacher's cache
    need neither consent nor budget.
    """

    def __init__(self, local: Engine | None, teacher: Cached, rules: Rules) -> None:
        """Wrap both engines and close them with this one; `local` is None where the teacher is always asked."""
        self._local = local
        self._teacher = teacher
        self._rules = rules

    def info(self) -> EngineInfo:
        """Describe the local engine, and that texts may be sent to the teacher."""
        teacher = self._teacher.info()
        if self._local is None:
            return teacher
        return replace(self._local.info(), leaves_machine=True, teacher=teacher.teacher)

    async def answer(self, passage: Passage, types: Sequence[EntityType], call: Call | None = None) -> list[Answer]:
        """Return one answer per type, in the order of `types`."""
        call = call or Call()
        if call.trial:
            return await self._local.answer(passage, types, call) if self._local is not None else []
        found: dict[EntityType, Answer] = {}
        if self._rules.cached_first or self._local is None:
            found |= await self._teacher.known(passage, types)
            for answer in found.values():
                call.early(answer)
        rest = [kind for kind in types if kind not in found]
        local = await self._ask_local(passage, rest, call)
        found |= local
        wanted = [kind for kind in rest if kind not in local or self._rules.prefers_teacher(local[kind], call)]
        if wanted:
            for answer in await self._ask_teacher(passage, wanted, call):
                found[answer.type] = self._rules.choose(local.get(answer.type), answer)
        return [found[kind] for kind in types]

    async def aclose(self) -> None:
        """Close both engines."""
        try:
            if self._local is not None:
                await self._local.aclose()
        finally:
            await self._teacher.aclose()

    async def _ask_local(self, passage: Passage, types: Sequence[EntityType], call: Call) -> dict[EntityType, Answer]:
        if self._local is None or not types:
            return {}

        late = EngineTimeout("the request timed out before the teacher answered")

        def early(answer: Answer) -> None:
            if not self._rules.prefers_teacher(answer, call):
                call.early(answer)
            elif answer.failure is None:
                call.early(replace(answer, missed=late))  # It is kept if the teacher is too late.

        answers = await ask(self._local, passage, types, replace(call, deadline=self._share(call), early=early))
        return {answer.type: answer for answer in answers}

    def _share(self, call: Call) -> float:
        """The local deadline: it leaves the teacher its time, but takes at least half of what there is."""
        half = time.monotonic() + call.time_left() / 2
        return max(half, call.deadline - self._rules.teacher_timeout_s)

    async def _ask_teacher(self, passage: Passage, types: Sequence[EntityType], call: Call) -> list[Answer]:
        """The teacher's answers, from its cache where possible; failures where the rules forbid asking it."""
        known = {} if self._rules.cached_first else await self._teacher.known(passage, types)
        rest = [kind for kind in types if kind not in known]
        if not rest:
            return list(known.values())
        forbidden = self._rules.forbids(passage, call)
        if forbidden is None:
            return [*known.values(), *await ask(self._teacher, passage, rest, call)]
        nobody = self._teacher.info().provenance()
        return [*known.values(), *(Answer(kind, (), nobody, failure=forbidden) for kind in rest)]
