"""Generative models as an engine: each question becomes a prompt, each answer is parsed as a list."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from uniner_mcp.engines.base import Answer, Call, EngineInfo, Mention, Passage
from uniner_mcp.engines.generative.conversation import Conversation
from uniner_mcp.engines.generative.grammar import answer_grammar
from uniner_mcp.engines.generative.reading import Token, Unreadable, read_answer
from uniner_mcp.errors import EngineError, UnreadableAnswer
from uniner_mcp.schema import EntityType

SECOND_TRY = 0.5
"""Temperature of the second attempt: greedy decoding would generate the same answer again."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """Parameters of decoding: `temperature` 0 is greedy; `grammar` is GBNF, or None for free text."""

    max_tokens: int
    stop: tuple[str, ...]
    grammar: str | None = None
    temperature: float = 0.0
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Completion:
    """The output of a model, without the stop string. `tokens` is None if the server reports none."""

    text: str
    tokens: tuple[Token, ...] | None = None


Early = Callable[[int, Completion | EngineError], None]
"""Receives the index of a wording and its completion, as soon as it is available."""


def ignore(number: int, completion: Completion | EngineError) -> None:
    """Ignore an early completion."""


class Model(Protocol):
    """A model that completes prompts, in this process or on a server."""

    async def complete_all(
        self, conversation: Conversation, text: str, wordings: Sequence[str], sampling: Sampling, early: Early = ignore
    ) -> list[Completion | EngineError]:
        """Return one completion or error per wording, in order, for questions about one text.

        The prompts share everything before the wording; implementations should compute that only once. Cancelling
        stops the work.
        """
        ...

    async def aclose(self) -> None:
        """Release all resources. Calling it twice is harmless."""
        ...


class GenerativeEngine:
    """Asks `model` each question, using the prompts of `conversation`.

    A definition replaces the name in the question (arXiv 2308.03279, section 5.2). If `constrained`, and if the server
    supports grammars, the model can only generate a list of parts of the passage. If an answer cannot be parsed, the
    question is asked once more; if that fails too, it is unanswered.
    """

    def __init__(
        self, info: EngineInfo, conversation: Conversation, sampling: Sampling, model: Model, *, constrained: bool
    ) -> None:
        """Wrap `model`, which is closed together with this engine; `info` describes the engine."""
        self._info = info
        self._conversation = conversation
        self._sampling = sampling
        self._model = model
        self._constrained = constrained
        self._provenance = info.provenance()

    def info(self) -> EngineInfo:
        """Describe the engine; the model need not be loaded."""
        return self._info

    async def answer(self, passage: Passage, types: Sequence[EntityType], call: Call | None = None) -> list[Answer]:
        """Return one answer per type, in the order of `types`."""
        if not types:
            return []  # Do not load the model for that.
        call = call or Call()
        sampling = replace(self._sampling, grammar=answer_grammar(passage.text) if self._constrained else None)
        read = dict(enumerate(await self._ask(passage, types, sampling, call)))
        again = [number for number, answer in read.items() if answer is None]
        if again:
            second = replace(sampling, temperature=SECOND_TRY, seed=1)
            missing = [types[number] for number in again]
            read |= zip(again, await self._ask(passage, missing, second, call), strict=True)
        unreadable = UnreadableAnswer("the model's answer was not a list, in two attempts")
        return [answer or self._failed(kind, unreadable) for kind, answer in zip(types, read.values(), strict=True)]

    async def aclose(self) -> None:
        """Close the model."""
        await self._model.aclose()

    async def _ask(
        self, passage: Passage, types: Sequence[EntityType], sampling: Sampling, call: Call
    ) -> list[Answer | None]:
        """Return the answers, None for those that cannot be parsed."""

        def early(number: int, completion: Completion | EngineError) -> None:
            if (answer := self._read(types[number], completion)) is not None:
                call.early(answer)

        wordings = [kind.definition or kind.name for kind in types]
        completions = await self._model.complete_all(self._conversation, passage.text, wordings, sampling, early)
        return [self._read(kind, completion) for kind, completion in zip(types, completions, strict=True)]

    def _read(self, kind: EntityType, completion: Completion | EngineError) -> Answer | None:
        if isinstance(completion, EngineError):
            return self._failed(kind, completion)
        try:
            reading = read_answer(completion.text, completion.tokens)
        except Unreadable:
            return None
        restored = self._conversation.mended
        mentions = tuple(Mention(restored(mention.text), confidence=mention.confidence) for mention in reading.mentions)
        return Answer(kind, mentions, self._provenance, truncated=reading.cut)

    def _failed(self, kind: EntityType, failure: EngineError) -> Answer:
        return Answer(kind, (), self._provenance, failure=failure)
