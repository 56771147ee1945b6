"""The one road: request, passages, questions, grounding, merging, extraction."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Self

from uniner_mcp.engines.base import Answer, Engine, EngineInfo, Passage, Provenance
from uniner_mcp.errors import ExtractionError, UninerError
from uniner_mcp.extraction.grounding import ground
from uniner_mcp.extraction.merging import limit_entities, merge
from uniner_mcp.extraction.passages import split_passages
from uniner_mcp.extraction.request import Limits, Request, check_request
from uniner_mcp.schema import AnsweredBy, Entity, EntityType, Extraction, Unanswered
from uniner_mcp.settings import Settings, load_settings

logger = logging.getLogger(__name__)

PASSAGES_AT_ONCE = 8
"""Passages of one request that are with the engine at the same time."""

LARGE = 20_000
"""Characters from which a text is cut and its entities are merged in a thread."""

Progress = Callable[[int, int], Awaitable[None]]
"""Told after each passage how many of how many are done."""


class Extractor:
    """Finds entities in texts through an engine. Use it as an async context manager, or call `aclose`.

    async with Extractor.open() as extractor:
        extraction = await extractor.extract(text, entity_types=["person", "film"])
    """

    def __init__(self, engine: Engine, settings: Settings | None = None) -> None:
        """Take over an engine; it is closed together with the extractor."""
        settings = settings or load_settings()
        self._engine = engine
        self._limits = Limits(settings.max_text_chars, settings.max_types)

    @classmethod
    def open(cls, settings: Settings | None = None) -> Self:
        """An extractor with the engine that the settings ask for. The model loads in the background.

        Raises EngineError where the engine cannot be opened.
        """
        from uniner_mcp.engines.opening import open_engine

        settings = settings or load_settings()
        return cls(open_engine(settings), settings)

    def info(self) -> EngineInfo:
        """What is known of the engine."""
        return self._engine.info()

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
        entity_types: Sequence[str] | None = None,
        domain: str | None = None,
        definitions: Mapping[str, str] | None = None,
        *,
        min_confidence: float = 0.0,
        overlap: str = "flat",
        limit: int | None = None,
        on_progress: Progress | None = None,
    ) -> Extraction:
        """Find every mention of the given types in `text`.

        Exactly one of `entity_types` and `domain` is given; `definitions` says in words what a type means.
        `min_confidence` leaves out less certain entities, `overlap` ("flat", "nested", "all") says what may overlap,
        `limit` keeps the first entities. Offsets are code points of `text`. Raises RequestError where the request
        cannot be answered as it stands, ExtractionError where no question could be answered. Cancelling stops the work.
        """
        request = check_request(text, entity_types, domain, definitions, min_confidence, overlap, limit, self._limits)
        budget = self._engine.info().context_budget
        if len(request.text) <= LARGE:
            passages = split_passages(request.text, budget)
            return _conclude(request, passages, await self._ask(passages, request.types, on_progress))
        # So much takes a while: not on the event loop, where others wait.
        passages = await asyncio.to_thread(split_passages, request.text, budget)
        answers = await self._ask(passages, request.types, on_progress)
        return await asyncio.to_thread(_conclude, request, passages, answers)

    async def _ask(
        self, passages: Sequence[Passage], types: Sequence[EntityType], on_progress: Progress | None
    ) -> list[list[Answer]]:
        """The answers of each passage; a few passages at a time."""
        answers: list[list[Answer]] = [[] for _ in passages]
        waiting = iter(range(len(passages)))
        done = 0

        async def work() -> None:
            nonlocal done, on_progress
            for index in waiting:
                answers[index] = await self._answer(passages[index], types)
                done += 1
                if on_progress is not None:
                    try:
                        await on_progress(done, len(passages))
                    except Exception as error:
                        # Nobody to tell is no reason to lose the answers.
                        logger.warning("Progress is not told any more: %s", type(error).__name__)
                        on_progress = None

        async with asyncio.TaskGroup() as group:
            for _ in range(min(PASSAGES_AT_ONCE, len(passages))):
                group.create_task(work())
        return answers

    async def _answer(self, passage: Passage, types: Sequence[EntityType]) -> list[Answer]:
        info = self._engine.info()
        try:
            return await self._engine.answer(passage, types)
        except UninerError as error:
            reason = str(error)
        except Exception as error:
            # The message of an unforeseen error may hold the caller's text: neither passed on nor logged.
            where = traceback.extract_tb(error.__traceback__)[-1]
            logger.error("Engine %s: %s at %s:%s", info.name, type(error).__name__, where.filename, where.lineno)
            reason = f"the engine {info.name} failed unexpectedly ({type(error).__name__})"
        nobody = Provenance(info.name, info.model, info.fingerprint)
        return [Answer(kind, (), nobody, failure=reason) for kind in types]


def _conclude(request: Request, passages: Sequence[Passage], answers: Sequence[Sequence[Answer]]) -> Extraction:
    """Ground, merge and count what was answered, list what was not (pure)."""
    found: list[Entity] = []
    ungrounded = 0
    cut = False
    failures: dict[str, list[str]] = {}
    questions: Counter[tuple[str, str]] = Counter()
    cached: Counter[tuple[str, str]] = Counter()
    for passage, of_passage in zip(passages, answers, strict=True):
        for answer in of_passage:
            if answer.failure is not None:
                failures.setdefault(answer.type.name, []).append(answer.failure)
                continue
            by = (answer.provenance.engine, answer.provenance.model)
            questions[by] += 1
            cached[by] += answer.provenance.cached
            cut = cut or answer.truncated
            entities, dropped = ground(passage, answer)
            found.extend(entities)
            ungrounded += dropped
    if failures and not questions:
        reasons = dict.fromkeys(reason for of_type in failures.values() for reason in of_type)
        raise ExtractionError(f"No question could be answered: {' | '.join(reasons)}")
    certain = [e for e in found if request.min_confidence == 0 or (e.confidence or 0) >= request.min_confidence]
    entities, truncated = limit_entities(merge(certain, request.overlap), request.limit)
    return Extraction(
        entities=entities,
        unanswered=[_unanswered(name, reasons, len(passages)) for name, reasons in failures.items()],
        ungrounded=ungrounded,
        truncated=truncated or cut,
        answered_by=[
            AnsweredBy(engine=engine, model=model, questions=number, cached=cached[engine, model])
            for (engine, model), number in questions.items()
        ],
    )


def _unanswered(name: str, reasons: Sequence[str], passages: int) -> Unanswered:
    part = "" if len(reasons) == passages else f" ({len(reasons)} of {passages} passages)"
    return Unanswered(type=name, reason=" | ".join(dict.fromkeys(reasons)) + part)
