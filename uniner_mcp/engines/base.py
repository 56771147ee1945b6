"""The one seam: an engine answers questions, one passage × one entity type each."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from uniner_mcp.errors import EngineError
from uniner_mcp.schema import EntityType

TEACHER = "teacher"
"""Name of the engine that only a fallback policy can bring in."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A stretch of the caller's text, small enough for one model call: `whole[start:start + len(text)] == text`."""

    text: str
    start: int = 0


@dataclass(frozen=True, slots=True)
class Mention:
    """What an engine says: a string, with its span in the passage where the model knows it (`passage.text[start:end]`).

    `confidence` is 0 to 1, or None where the model gives none.
    """

    text: str
    span: tuple[int, int] | None = None
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class Provenance:
    """Who gave an answer. The fingerprint changes whenever the same question could be answered differently."""

    engine: str
    model: str
    fingerprint: str
    cached: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """The mentions for one question. `failure` is the reason why there is none; then `mentions` is empty.

    `truncated` tells that the model was cut off at its longest answer: there may be more. `missed` is the reason why
    the teacher did not answer, where the fallback policy would have preferred its answer to this one.
    """

    type: EntityType
    mentions: tuple[Mention, ...]
    provenance: Provenance
    failure: EngineError | None = None
    truncated: bool = False
    missed: EngineError | None = None


@dataclass(frozen=True, slots=True)
class Cost:
    """What questions to a paid model cost: how many, tokens in and out, US dollars."""

    questions: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    usd: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.questions + other.questions,
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.usd + other.usd,
        )

    def __sub__(self, other: Cost) -> Cost:
        return self + Cost(-other.questions, -other.input_tokens, -other.output_tokens, -other.usd)


@dataclass(slots=True)
class Account:
    """What one request has cost so far at which teacher, what is reserved included."""

    cost: Cost = Cost()
    model: str | None = None


def _to_nobody(answer: Answer) -> None:
    """Nobody wants to know early."""


@dataclass(frozen=True, slots=True)
class Call:
    """What engines are told of the request that questions belong to.

    deadline: when the request must be answered, in seconds of `time.monotonic`; the one who asks cancels then.
    domain: the domain that was asked, if one was.
    consent: whether the person at the client lets the text go to a teacher; None: nobody was asked.
    account: what the request costs.
    early: is told each answer as soon as it is known, so that it is kept if the call is cancelled before its end;
        engines that give all answers at once need not.
    """

    deadline: float = math.inf
    domain: str | None = None
    consent: bool | None = None
    account: Account = field(default_factory=Account)
    early: Callable[[Answer], None] = _to_nobody

    def time_left(self) -> float:
        """Seconds until the deadline, not less than 0."""
        return max(0.0, self.deadline - time.monotonic())


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """What is to be known of an engine without asking it anything.

    context_budget: longest passage, in the units of `uniner_mcp.extraction.passages.units`.
    leaves_machine: whether a passage may be sent to another machine, or to a teacher.
    teacher: the teacher's model and host, where the policy may ask one.
    """

    name: str
    model: str
    fingerprint: str
    context_budget: int
    leaves_machine: bool
    teacher: str | None = None

    def provenance(self) -> Provenance:
        """Of an answer that this engine gives now."""
        return Provenance(self.name, self.model, self.fingerprint)


class Engine(Protocol):
    """Anything that answers questions. Wrappers (limiter, cache, fallback) are engines around an engine."""

    def info(self) -> EngineInfo:
        """Name, model, fingerprint, budget; cheap, and possible before the model is loaded."""
        ...

    async def answer(self, passage: Passage, types: Sequence[EntityType], call: Call | None = None) -> list[Answer]:
        """One answer per type, in the order of `types`. A question that fails is an answer with a `failure`.

        `call` tells of the request that the questions belong to; wrappers pass it on.

        Raises EngineError only where the engine cannot work at all. Cancelling the call stops the work.
        """
        ...

    async def aclose(self) -> None:
        """Free what the engine holds. Calling it twice is harmless."""
        ...
