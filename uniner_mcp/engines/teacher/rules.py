"""What a fallback policy decides about one question (pure)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from uniner_mcp.engines.base import Answer, Call, Passage
from uniner_mcp.engines.teacher.policy import Policy, Trigger
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
"""The trigger for each kind of failure of the local engine; any other failure is `failed`."""

Accuracy = Callable[[EntityType, str | None], float | None]
"""Expected F1 in percent of the local engine for a type, given the requested domain; None if unknown."""


@dataclass(frozen=True, slots=True)
class PolicyRules:
    """The rules of `policy`, which has a teacher; `accuracy` is that of the local engine."""

    policy: Policy
    accuracy: Accuracy

    @property
    def cached_first(self) -> bool:
        """Whether an answer of the teacher that is in the cache replaces a question to the local engine."""
        return self.policy.serve_later

    @property
    def teacher_timeout_s(self) -> float:
        """Seconds that the teacher may take for one passage."""
        assert self.policy.teacher is not None
        return self.policy.teacher.timeout_s

    def prefers_teacher(self, answer: Answer, call: Call) -> bool:
        """Return whether the teacher is to be asked in spite of this local answer."""
        triggers = self.policy.triggers
        if answer.failure is not None:
            return _TRIGGERS.get(type(answer.failure), "failed") in triggers.on
        sure = [mention.confidence for mention in answer.mentions if mention.confidence is not None]
        if triggers.confidence_below is not None and min(sure, default=1.0) < triggers.confidence_below:
            return True
        expected = self.accuracy(answer.type, call.domain)
        return triggers.accuracy_below is not None and expected is not None and expected < triggers.accuracy_below

    def forbids(self, passage: Passage, call: Call) -> NotSent | None:
        """Return the rule that keeps the passage from being sent, or None."""
        policy = self.policy
        if call.domain in policy.send.never_domains:
            return NotSent("domain", f"the policy {policy.name} never sends texts of the domain {call.domain}")
        if len(passage.text) > policy.send.max_chars:
            return too_long(policy)
        if policy.consent == "ask" and call.consent is not True:
            said = "was not asked" if call.consent is None else "did not consent"
            return NotSent("consent", f"the user {said}, so nothing was sent to {policy.who()}")
        return None

    def choose(self, local: Answer | None, teacher: Answer) -> Answer:
        """Return the teacher's answer, or the local one with the reason why the teacher's is missing."""
        missed = teacher.failure
        if missed is None:
            return teacher
        if local is None:
            return replace(teacher, missed=missed)
        if local.failure is not None:
            return replace(local, failure=EveryRouteFailed((local.failure, missed)), missed=missed)
        spent = isinstance(missed, NotSent) and missed.rule == "budget"
        if spent and self.policy.budget.when_spent == "unanswered":
            return replace(teacher, missed=missed)
        return replace(local, missed=missed)


def too_long(policy: Policy) -> NotSent:
    """The failure of a question about a passage that is longer than the policy sends."""
    limit = policy.send.max_chars
    return NotSent("length", f"the policy {policy.name} does not send passages of over {limit} characters")
