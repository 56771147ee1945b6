"""The local engine first, and the teacher for what the fallback policy sends on to it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from uniner_mcp.engines.base import Answer, Call, Engine, EngineInfo, Passage
from uniner_mcp.engines.teacher.policy import Policy, Trigger
from uniner_mcp.engines.wrappers.asking import ask
from uniner_mcp.engines.wrappers.cached import Cached
from uniner_mcp.errors import (
    CircuitOpen,
    EngineError,
    EngineTimeout,
    EngineUnavailable,
    EveryRouteFailed,
    NotSent,
    UnreadableAnswer,
)
from uniner_mcp.schema import EntityType

_TRIGGERS: Mapping[type[EngineError], Trigger] = {
    EngineUnavailable: "unavailable",
    EngineTimeout: "timeout",
    CircuitOpen: "circuit-open",
    UnreadableAnswer: "unreadable",
}
"""Which trigger a failure of the local engine is; any other failure is `failed`."""

Accuracy = Callable[[EntityType, str | None], float | None]
"""F1 in percent to expect of the local engine for a type, in the domain that was asked (or None); None: not known."""


class Fallback:
    """Answers each question by `local`, and by `teacher` where `policy` says so.

    An answer of the teacher takes the place of the local one. Where the teacher does not answer, the local answer
    stands and says so (`missed`); a question that nobody answered fails with all causes. What the teacher answered
    earlier is in its cache and costs nothing: it needs neither consent nor budget.
    """

    def __init__(self, local: Engine | None, teacher: Cached, policy: Policy, accuracy: Accuracy) -> None:
        """Wrap both, which are closed together with this one; `local` is None where the teacher is always asked."""
        self._local = local
        self._teacher = teacher
        self._policy = policy
        self._accuracy = accuracy

    def info(self) -> EngineInfo:
        """That of the local engine, and that texts may go to the teacher."""
        teacher = self._teacher.info()
        if self._local is None:
            return teacher
        return replace(self._local.info(), leaves_machine=True, teacher=teacher.teacher)

    async def answer(self, passage: Passage, types: Sequence[EntityType], call: Call | None = None) -> list[Answer]:
        """One answer per type, in the order of `types`."""
        call = call or Call()
        found: dict[EntityType, Answer] = {}
        if self._policy.serve_later or self._local is None:
            found |= await self._teacher.known(passage, types)
            for answer in found.values():
                call.early(answer)
        rest = [kind for kind in types if kind not in found]
        local = await self._ask_local(passage, rest, call)
        found |= local
        wanted = [kind for kind in rest if kind not in local or self._goes_on(local[kind], call)]
        if wanted:
            for answer in await self._ask_teacher(passage, wanted, call):
                found[answer.type] = self._chosen(local.get(answer.type), answer)
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

        late = EngineTimeout("the time of the request was up before the teacher answered")

        def early(answer: Answer) -> None:
            if not self._goes_on(answer, call):
                call.early(answer)
            elif answer.failure is None:
                call.early(replace(answer, missed=late))  # It stands if the teacher comes too late.

        answers = await ask(self._local, passage, types, replace(call, deadline=self._share(call), early=early))
        return {answer.type: answer for answer in answers}

    def _share(self, call: Call) -> float:
        """The local deadline: it leaves the teacher its time, but takes at least half of what there is."""
        assert self._policy.teacher is not None
        half = time.monotonic() + call.time_left() / 2
        return max(half, call.deadline - self._policy.teacher.timeout_s)

    def _goes_on(self, answer: Answer, call: Call) -> bool:
        """Whether the policy prefers the teacher's answer to this one."""
        triggers = self._policy.triggers
        if answer.failure is not None:
            return _TRIGGERS.get(type(answer.failure), "failed") in triggers.on
        sure = [mention.confidence for mention in answer.mentions if mention.confidence is not None]
        if triggers.confidence_below is not None and min(sure, default=1.0) < triggers.confidence_below:
            return True
        expected = self._accuracy(answer.type, call.domain)
        return triggers.accuracy_below is not None and expected is not None and expected < triggers.accuracy_below

    async def _ask_teacher(self, passage: Passage, types: Sequence[EntityType], call: Call) -> list[Answer]:
        """The teacher's answers, from its cache as far as they are there; failures where it may not be asked."""
        known = {} if self._policy.serve_later else await self._teacher.known(passage, types)
        rest = [kind for kind in types if kind not in known]
        if not rest:
            return list(known.values())
        forbidden = self._forbidden(passage, call)
        if forbidden is None:
            return [*known.values(), *await ask(self._teacher, passage, rest, call)]
        nobody = self._teacher.info().provenance()
        return [*known.values(), *(Answer(kind, (), nobody, failure=forbidden) for kind in rest)]

    def _forbidden(self, passage: Passage, call: Call) -> NotSent | None:
        """What in the policy keeps the passage from being sent."""
        policy = self._policy
        if call.domain in policy.send.never_domains:
            return NotSent("domain", f"texts of the domain {call.domain} are never sent by the policy {policy.name}")
        if len(passage.text) > policy.send.max_chars:
            return NotSent(
                "length", f"the policy {policy.name} sends no passage of over {policy.send.max_chars} characters"
            )
        if policy.consent == "ask" and call.consent is not True:
            said = "was not asked" if call.consent is None else "did not consent"
            return NotSent("consent", f"the person at the client {said}, so that nothing was sent to {policy.who()}")
        return None

    def _chosen(self, local: Answer | None, teacher: Answer) -> Answer:
        """The teacher's answer, or the local one with the reason why the teacher's is missing."""
        missed = teacher.failure
        if missed is None:
            return teacher
        if local is None:
            return replace(teacher, missed=missed)
        if local.failure is not None:
            return replace(local, failure=EveryRouteFailed((local.failure, missed)), missed=missed)
        spent = isinstance(missed, NotSent) and missed.rule == "budget"
        if spent and self._policy.budget.when_spent == "unanswered":
            return replace(teacher, missed=missed)
        return replace(local, missed=missed)
