"""An engine that answers from a script: a replacement for a model in tests."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from inspect import isawaitable

from uniner_mcp.engines.base import Answer, Call, EngineInfo, Mention, Passage
from uniner_mcp.errors import EngineError
from uniner_mcp.schema import EntityType

Said = Sequence[Mention | str]
Script = Callable[[Passage, EntityType], Said | Awaitable[Said]]


class ScriptedEngine:
    """Passes each question to `script`, which returns the mentions and may be async.

    A mention given as a string has no span. If the script raises EngineError, the question fails with that error;
    `answer` raises any other exception, like an engine that cannot work at all.

        engine = ScriptedEngine(lambda passage, type: ["Ada"] if type.name == "person" else [])

    `asked` lists the questions so far (text of the passage, name of the type); `closed` is true after `aclose`. Two
    engines with the same name and model have the same fingerprint.
    """

    def __init__(
        self,
        script: Script,
        *,
        name: str = "scripted",
        model: str = "script",
        context_budget: int = 1_000_000,
        leaves_machine: bool = False,
    ) -> None:
        """Answer from `script`; `info` returns the other arguments."""
        self._script = script
        self._info = EngineInfo(name, model, f"{name}/{model}", context_budget, leaves_machine)
        self.asked: list[tuple[str, str]] = []
        self.closed = False

    def info(self) -> EngineInfo:
        """Return what was passed to the constructor."""
        return self._info

    async def answer(self, passage: Passage, types: Sequence[EntityType], call: Call | None = None) -> list[Answer]:
        """Ask the script one question after the other; each answer is also passed to `call.early`."""
        answers: list[Answer] = []
        for type in types:
            answers.append(await self._ask(passage, type))
            if call is not None:
                call.early(answers[-1])
        return answers

    async def aclose(self) -> None:
        """Set `closed`."""
        self.closed = True

    async def _ask(self, passage: Passage, type: EntityType) -> Answer:
        self.asked.append((passage.text, type.name))
        provenance = self._info.provenance()
        try:
            said = self._script(passage, type)
            if isawaitable(said):
                said = await said
        except EngineError as error:
            return Answer(type, (), provenance, failure=error)
        mentions = tuple(Mention(mention) if isinstance(mention, str) else mention for mention in said)
        return Answer(type, mentions, provenance)
