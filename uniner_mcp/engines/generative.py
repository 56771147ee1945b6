"""Generative models as an engine: each question is a prompt, each answer a list that is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Protocol

from uniner_mcp.engines.base import Answer, EngineInfo, Mention, Passage, Provenance
from uniner_mcp.engines.conversation import Conversation
from uniner_mcp.engines.reading import Token, Unreadable, read_answer
from uniner_mcp.errors import EngineError
from uniner_mcp.schema import EntityType

SECOND_TRY = 0.5
"""Temperature of the second try: greedy decoding would only write the same again."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How an answer is to be decoded: `temperature` 0 is greedy; `grammar` is GBNF, or None for free text."""

    max_tokens: int
    stop: tuple[str, ...]
    grammar: str | None
    temperature: float = 0.0
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Completion:
    """What the model wrote, the stop string left out. `tokens` are None where the server tells none."""

    text: str
    tokens: tuple[Token, ...] | None = None


class Model(Protocol):
    """What completes prompts: an engine in the process, or a server."""

    async def complete_all(
        self, conversation: Conversation, text: str, wordings: Sequence[str], sampling: Sampling
    ) -> list[Completion | EngineError]:
        """One completion per wording, in their order, for questions about one text; a failed one is its error.

        The prompts share all that comes before the wording: they are to be run so that it is computed once.
        Cancelling the call stops the work.
        """
        ...

    async def aclose(self) -> None:
        """Free what the model holds. Calling it twice is harmless."""
        ...


class GenerativeEngine:
    """Asks `model` each question in the words of `conversation`.

    An answer that cannot be read is asked for once more, and then is a failure. A definition takes the place of the
    name in the question (arXiv 2308.03279, section 5.2).
    """

    def __init__(self, info: EngineInfo, conversation: Conversation, sampling: Sampling, model: Model) -> None:
        """Wrap `model`, which is closed together with this engine; `info` is what the engine says of itself."""
        self._info = info
        self._conversation = conversation
        self._sampling = sampling
        self._model = model
        self._provenance = Provenance(info.name, info.model, info.fingerprint)

    def info(self) -> EngineInfo:
        """Known before the model is loaded."""
        return self._info

    async def answer(self, passage: Passage, types: Sequence[EntityType]) -> list[Answer]:
        """One answer per type, in the order of `types`."""
        answers = await self._ask(passage, types, self._sampling)
        again = [number for number, answer in enumerate(answers) if isinstance(answer, Unreadable)]
        if again:
            loosened = Sampling(
                self._sampling.max_tokens, self._sampling.stop, self._sampling.grammar, SECOND_TRY, seed=1
            )
            second = await self._ask(passage, [types[number] for number in again], loosened)
            answers = list(answers)
            for number, answer in zip(again, second, strict=True):
                answers[number] = answer
        return [
            self._failed(kind, str(answer)) if isinstance(answer, Unreadable) else answer
            for kind, answer in zip(types, answers, strict=True)
        ]

    async def aclose(self) -> None:
        """Close the model."""
        await self._model.aclose()

    async def _ask(
        self, passage: Passage, types: Sequence[EntityType], sampling: Sampling
    ) -> list[Answer | Unreadable]:
        wordings = [kind.definition or kind.name for kind in types]
        completions = await self._model.complete_all(self._conversation, passage.text, wordings, sampling)
        return [self._read(kind, written) for kind, written in zip(types, completions, strict=True)]

    def _read(self, kind: EntityType, written: Completion | EngineError) -> Answer | Unreadable:
        if isinstance(written, EngineError):
            return self._failed(kind, str(written))
        try:
            reading = read_answer(written.text, written.tokens)
        except Unreadable as error:
            return error
        mentions = tuple(
            Mention(self._conversation.mended(mention.text), confidence=mention.confidence)
            for mention in reading.mentions
        )
        return Answer(kind, mentions, self._provenance, truncated=reading.cut)

    def _failed(self, kind: EntityType, reason: str) -> Answer:
        return Answer(kind, (), self._provenance, failure=reason)


@cache
def list_grammar() -> str:
    """The GBNF grammar of an answer."""
    return files("uniner_mcp.engines").joinpath("mentions.gbnf").read_text(encoding="utf-8")
