"""The pipeline: request, passages, questions, grounding, merging, extraction."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Self

from uniner_mcp.arguments import limit_of
from uniner_mcp.engines.base import Account, Answer, Call, Engine, EngineInfo, Passage
from uniner_mcp.engines.wrappers.asking import ask
from uniner_mcp.errors import (
    AnswerCut,
    AnswerRefused,
    UnreadableAnswer,
)
from uniner_mcp.extraction.conclusion import conclude
from uniner_mcp.extraction.passages import passages_from, split_passages
from uniner_mcp.extraction.request import Limits, Meanings, Request, check_request, renamed
from uniner_mcp.extraction.views import view
from uniner_mcp.metrics import count_question
from uniner_mcp.schema import EntityType, Extraction
from uniner_mcp.settings import Settings, load_settings

logger = logging.getLogger(__name__)

PASSAGES_AT_ONCE = 8
"""Maximum number of passages of one request that are in flight."""

LARGE = 20_000
"""Length in characters above which a text is split, and its entities are merged, in a thread."""

_UNUSABLE = (AnswerCut, AnswerRefused, UnreadableAnswer)

Progress = Callable[[int, int], Awaitable[None]]
"""Called and awaited after each passage, with the number of finished passages and the total."""


class Extractor:
    """Finds entities in texts, using an engine. Use it as an async context manager, or call `aclose`.

        async with Extractor.open() as extractor:
            extraction = await extractor.extract(text, entity_types=["person", "film"])

    Requests may run concurrently.
    """

    def __init__(self, engine: Engine, settings: Settings | None = None) -> None:
        """Create an extractor with an engine. `open` does this from the settings.

        Args:
            engine: The engine, which is closed together with the extractor.
            settings: Limits and timeout of requests; default: `load_settings()`.
        """
        settings = settings or load_settings()
        self._engine = engine
        self._limits = Limits(settings.max_text_chars, settings.max_types)
        self._seconds = settings.request_timeout_s or math.inf

    @classmethod
    def open(cls, settings: Settings | None = None) -> Self:
        """Open an extractor with the engine that the settings select. The model loads in the background.

        Args:
            settings: The settings; default: `load_settings()`.

        Returns:
            The extractor. Close it when you are done.

        Raises:
            SettingsError: If a setting is not valid or contradicts another.
            EngineError: If the engine cannot be opened.
        """
        from uniner_mcp.engines.opening import open_engine

        settings = settings or load_settings()
        return cls(open_engine(settings), settings)

    def info(self) -> EngineInfo:
        """Return the name, model and limits of the engine, and whether texts may leave the machine."""
        return self._engine.info()

    async def check(self) -> None:
        """Ask the engine a tiny question, past its queue and its cache, and never a teacher.

        Raises EngineError if it is not answered; an answer that cannot be used shows that the engine works.
        """
        call = Call(trial=True)
        for answer in await ask(self._engine, Passage("x"), [EntityType(name="person")], call):
            if answer.failure is not None and not isinstance(answer.failure, _UNUSABLE):
                raise answer.failure

    async def aclose(self) -> None:
        """Close the engine and its cache."""
        await self._engine.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def extract(
        self,
        text: str,
        entity_types: Sequence[str] | str | None = None,
        domain: str | None = None,
        meanings: Meanings | None = None,
        *,
        min_confidence: float | None = 0.0,
        overlap: str | None = "flat",
        limit: int | None = None,
        start: int | None = 0,
        on_progress: Progress | None = None,
        consent: bool | None = None,
        definitions: Meanings | None = None,
    ) -> Extraction:
        """Find every mention of the given entity types in `text`. Cancelling stops the work.

        Args:
            text: The text to search, up to the setting `max_text_chars` (default: 1,000,000 characters).
            entity_types: Entity types in plain words, such as "person", as a list or as one string with commas. Give
                either this or `domain`.
            domain: Name of a domain of the catalogue, which stands for its entity types.
            meanings: What requested types mean, in one sentence each: a mapping of names to meanings, or a list of
                objects with `type` and `meaning`.
            min_confidence: Omit entities with a lower confidence (0 to 1). Entities without a confidence are kept.
            overlap: "flat": no entities overlap, the most confident is kept; "nested": one may be inside another;
                "all": any may overlap.
            limit: Return only the first entities, up to this number; default: all. The result says from which offset
                on entities are left out (`next_start`).
            start: Return only entities that begin at this offset or later. Passages before it are not read, except the
                last one.
            on_progress: Called and awaited after each passage, with the number of finished passages and the total.
            consent: Whether the user agrees that the text is sent to a teacher, for fallback policies that require
                consent; None: the user was not asked.
            definitions: Deprecated name of `meanings`.

        Returns:
            The entities, with offsets in Unicode code points of `text`. Questions that failed, or were not answered
                within the setting `request_timeout_s`, are listed in `unanswered`.

        Raises:
            RequestError: If the request is not valid.
            ExtractionError: If no question could be answered.
        """
        deadline = time.monotonic() + self._seconds
        most = limit_of(limit)
        request = check_request(
            text,
            entity_types,
            domain,
            renamed(meanings, definitions),
            min_confidence,
            overlap,
            start,
            self._limits,
        )
        call = Call(deadline, request.domain, consent, Account())
        info = self._engine.info()
        if len(request.text) <= LARGE:
            passages = _passages(request, info)
            answers = await self._ask(passages, request, call, on_progress)
            return view(conclude(request, passages, answers, call.account, info), limit=most)
        # This takes a while, so it must not block the event loop.
        passages = await asyncio.to_thread(_passages, request, info)
        answers = await self._ask(passages, request, call, on_progress)
        return view(await asyncio.to_thread(conclude, request, passages, answers, call.account, info), limit=most)

    async def _ask(
        self, passages: Sequence[Passage], request: Request, call: Call, on_progress: Progress | None
    ) -> list[list[Answer]]:
        """Return the answers for each passage, asking about a few passages at a time."""
        answers: list[list[Answer]] = [[] for _ in passages]
        waiting = iter(range(len(passages)))
        done = 0

        async def work() -> None:
            nonlocal done, on_progress
            for index in waiting:
                answers[index] = await ask(self._engine, passages[index], request.types, call)
                for answer in answers[index]:
                    count_question(answer.provenance.engine, answer.provenance.model, _outcome(answer))
                done += 1
                if on_progress is not None:
                    try:
                        await on_progress(done, len(passages))
                    except Exception as error:
                        # Answers must not be lost because progress cannot be reported.
                        logger.warning("Progress is no longer reported: %s", type(error).__name__)
                        on_progress = None

        async with asyncio.TaskGroup() as group:
            for _ in range(min(PASSAGES_AT_ONCE, len(passages))):
                group.create_task(work())
        return answers


def _passages(request: Request, info: EngineInfo) -> Sequence[Passage]:
    return passages_from(split_passages(request.text, info.context_budget), request.start)


def _outcome(answer: Answer) -> str:
    if answer.failure is not None:
        return type(answer.failure).__name__
    return "cached" if answer.provenance.cached else "answered"
