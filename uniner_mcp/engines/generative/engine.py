"""Generative models as an engine: each question is a prompt, each answer a list that is read."""

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
"""Temperature of the second try: greedy decoding would only write the same again."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How an answer is to be decoded: `temperature` 0 is greedy; `grammar` is GBNF, or None for free text."""

    max_tokens: int
    stop: tuple[str, ...]
    grammar: str | None = None
    temperature: float = 0.0
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Completion:
    """What the model wrote, the stop string left out. `tokens` are None where the server tells none."""

    text: str
    tokens: tuple[Token, ...] | None = None


Early = Callable[[int, Completion | EngineError], None]
"""Told the number of a wording and its completion, as soon as it is there."""


def unheard(number: int, completion: Completion | EngineError) -> None:
    """Nobody wants to know early."""


class Model(Protocol):
    """What completes prompts: an engine in the process, or a server."""

    async def complete_all(
        self, conversation: Conversation, text: str, wordings: Sequence[str], sampling: Sampling, early: Early = unheard
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

    A definition takes the place of the name in the question (arXiv 2308.03279, section 5.2). If `constrained`, the
    model can only write a list of stretches of the passage, where the server can hold it to a grammar. An answer that
    cannot be read is asked for once more, and then is a failure.
    """

    def __init__(
        self, info: EngineInfo, conversation: Conversation, sampling: Sampling, model: Model, *, constrained: bool
    ) -> None:
        """Wrap `model`, which is closed together with this engine; `info` is what the engine says of itself."""
        self._info = info
        self._conversation = conversation
        self._sampling = sampling
        self._model = model
        self._constrained = constrained
        self._provenance = info.provenance()

    def info(self) -> EngineInfo:
        """Known before the model is loaded."""
        return self._info

    async def answer(self, passage: Passage, types: Sequence[EntityType], call: Call | None = None) -> list[Answer]:
        """One answer per type, in the order of `types`."""
        if not types:
            return []  # Not even the model is loaded for that.
        call = call or Call()
        sampling = replace(self._sampling, grammar=answer_grammar(passage.text) if self._constrained else None)
        read = dict(enumerate(await self._ask(passage, types, sampling, call)))
        again = [number for number, answer in read.items() if answer is None]
        if again:
            second = replace(sampling, temperature=SECOND_TRY, seed=1)
            wanting = [types[number] for number in again]
            read |= zip(again, await self._ask(passage, wanting, second, call), strict=True)
        unreadable = UnreadableAnswer("the model's answer was not a list, twice")
        return [answer or self._failed(kind, unreadable) for kind, answer in zip(types, read.values(), strict=True)]

    async def aclose(self) -> None:
        """Close the model."""
        await self._model.aclose()

    async def _ask(
        self, passage: Passage, types: Sequence[EntityType], sampling: Sampling, call: Call
    ) -> list[Answer | None]:
        """The answers, None for those that cannot be read."""

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
        mend = self._conversation.mended
        mentions = tuple(Mention(mend(mention.text), confidence=mention.confidence) for mention in reading.mentions)
        return Answer(kind, mentions, self._provenance, truncated=reading.cut)

    def _failed(self, kind: EntityType, failure: EngineError) -> Answer:
        return Answer(kind, (), self._provenance, failure=failure)
