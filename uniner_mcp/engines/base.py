"""The `Engine` protocol: an engine answers questions, each about one passage and one entity type."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from uniner_mcp.errors import EngineError
from uniner_mcp.schema import EntityType

TEACHER = "teacher"
"""Name of the engine that only a fallback policy can add."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A stretch of the caller's text, small enough for one model call: `whole[start:start + len(text)] == text`."""

    text: str
    start: int = 0


@dataclass(frozen=True, slots=True)
class Mention:
    """A mention as an engine reports it: a string, and its span (`passage.text[start:end]`) if the model reports one.

    `confidence` is 0 to 1, or None if the model reports none.
    """

    text: str
    span: tuple[int, int] | None = None
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class Provenance:
    """The source of an answer. The fingerprint changes whenever the same question could be answered differently."""

    engine: str
    model: str
    fingerprint: str
    cached: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """The mentions for one question. `failure` is the reason why it was not answered; `mentions` is empty then.

    `truncated` means that the model reached its maximum answer length: mentions may be missing. `missed` is the reason
    why the teacher did not answer, if the fallback policy would have preferred its answer to this one.
    """

    type: EntityType
    mentions: tuple[Mention, ...]
    provenance: Provenance
    failure: EngineError | None = None
    truncated: bool = False
    missed: EngineError | None = None


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of questions to a paid model: their number, input and output tokens, US dollars."""

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
    """The cost of one request so far, including reservations, and the model of the teacher."""

    cost: Cost = Cost()
    model: str | None = None


def _ignore(answer: Answer) -> None:
    """Ignore an early answer."""


@dataclass(frozen=True, slots=True)
class Call:
    """Information for engines about the request that the questions belong to.

    deadline: time by which the request must be answered, in seconds of `time.monotonic`; the caller then cancels.
    domain: the requested domain, if any.
    consent: whether the user lets the text be sent to a teacher; None: the user was not asked.
    account: the cost of the request.
    early: receives each answer as soon as it is known, so that it is kept if the call is cancelled; engines that return
        all answers at the same time need not call it.
    trial: whether the question only tests the engine: it skips the queue and the cache, and never goes to a teacher.
    """

    deadline: float = math.inf
    domain: str | None = None
    consent: bool | None = None
    account: Account = field(default_factory=Account)
    early: Callable[[Answer], None] = _ignore
    trial: bool = False

    def time_left(self) -> float:
        """Return the seconds until the deadline, at least 0."""
        return max(0.0, self.deadline - time.monotonic())


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """Information about an engine that is available without asking it a question.

    context_budget: maximum length of a passage, in the units of `uniner_mcp.extraction.passages.units`.
    leaves_machine: whether a passage may be sent to another machine, or to a teacher.
    teacher: the teacher's model and host, if the policy may ask one.
    languages: the languages that the model reads (ISO 639-1), or None if they are not known.
    concurrency: how many passages the engine processes concurrently, or None if it has no limit of its own.
    """

    name: str
    model: str
    fingerprint: str
    context_budget: int
    leaves_machine: bool
    teacher: str | None = None
    languages: tuple[str, ...] | None = None
    concurrency: int | None = None

    def provenance(self) -> Provenance:
        """Return the provenance of an answer that this engine gives now."""
        return Provenance(self.name, self.model, self.fingerprint)


class Engine(Protocol):
    """Anything that answers questions. Wrappers (limiter, cache, fallback) are engines that contain an engine."""

    def info(self) -> EngineInfo:
        """Return name, model, fingerprint and budget. Cheap, and possible before the model is loaded."""
        ...

    async def answer(self, passage: Passage, types: Sequence[EntityType], call: Call | None = None) -> list[Answer]:
        """Return one answer per type, in the order of `types`. A failed question is an answer with a `failure`.

        `call` describes the request that the questions belong to; wrappers pass it on. Cancelling stops the work.

        Raises EngineError only if the engine cannot work at all.
        """
        ...

    async def aclose(self) -> None:
        """Release all resources. Calling it twice is harmless."""
        ...
