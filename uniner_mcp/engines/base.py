"""The one seam: an engine answers questions, one passage × one entity type each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from uniner_mcp.schema import EntityType


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

    `truncated` tells that the model was cut off at its longest answer: there may be more.
    """

    type: EntityType
    mentions: tuple[Mention, ...]
    provenance: Provenance
    failure: str | None = None
    truncated: bool = False


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """What is to be known of an engine without asking it anything.

    context_budget: longest passage, in the units of `uniner_mcp.extraction.passages.units`.
    leaves_machine: whether a passage may be sent to another machine.
    """

    name: str
    model: str
    fingerprint: str
    context_budget: int
    leaves_machine: bool


class Engine(Protocol):
    """Anything that answers questions. Wrappers (limiter, cache, fallback) are engines around an engine."""

    def info(self) -> EngineInfo:
        """Name, model, fingerprint, budget; cheap, and possible before the model is loaded."""
        ...

    async def answer(self, passage: Passage, types: Sequence[EntityType]) -> list[Answer]:
        """One answer per type, in the order of `types`. A question that fails is an answer with a `failure`.

        Raises EngineError only where the engine cannot work at all. Cancelling the call stops the work.
        """
        ...

    async def aclose(self) -> None:
        """Free what the engine holds. Calling it twice is harmless."""
        ...
