"""The one road: request, passages, questions, grounding, merging, extraction."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Literal, Self

from uniner_mcp.engines.base import TEACHER, Account, Answer, Call, Engine, EngineInfo, Passage
from uniner_mcp.engines.wrappers.asking import ask
from uniner_mcp.errors import EngineError, EveryRouteFailed, ExtractionError, NotSent, Rule
from uniner_mcp.extraction.grounding import ground
from uniner_mcp.extraction.merging import limit_entities, merge
from uniner_mcp.extraction.passages import split_passages
from uniner_mcp.extraction.request import Limits, Request, check_request
from uniner_mcp.metrics import count_question
from uniner_mcp.schema import AnsweredBy, Entity, Extraction, TeacherMissing, Unanswered
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

    Requests may run at the same time.
    """

    def __init__(self, engine: Engine, settings: Settings | None = None) -> None:
        """Take over an engine; it is closed together with the extractor."""
        settings = settings or load_settings()
        self._engine = engine
        self._limits = Limits(settings.max_text_chars, settings.max_types)
        self._seconds = settings.request_timeout_s or math.inf

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
        consent: bool | None = None,
    ) -> Extraction:
        """Find every mention of the given types in `text`.

        Exactly one of `entity_types` and `domain` is given; `definitions` says in words what a type means.
        `min_confidence` leaves out less certain entities, `overlap` ("flat", "nested", "all") says what may overlap,
        `limit` keeps the first entities; those without a confidence count as certain. `consent` says whether the person
        who asks lets the text go to a teacher, where the policy wants to know. Offsets are code points of `text`. What
        is not answered within the setting `request_timeout_s` is listed as unanswered. Raises RequestError where the
        request cannot be answered as it stands, ExtractionError where no question could be answered. Cancelling stops
        the work.
        """
        deadline = time.monotonic() + self._seconds
        request = check_request(text, entity_types, domain, definitions, min_confidence, overlap, limit, self._limits)
        call = Call(deadline, request.domain, consent, Account())
        budget = self._engine.info().context_budget
        if len(request.text) <= LARGE:
            passages = split_passages(request.text, budget)
            answers = await self._ask(passages, request, call, on_progress)
            return _conclude(request, passages, answers, call.account)
        # So much takes a while: not on the event loop, where others wait.
        passages = await asyncio.to_thread(split_passages, request.text, budget)
        answers = await self._ask(passages, request, call, on_progress)
        return await asyncio.to_thread(_conclude, request, passages, answers, call.account)

    async def _ask(
        self, passages: Sequence[Passage], request: Request, call: Call, on_progress: Progress | None
    ) -> list[list[Answer]]:
        """The answers of each passage; a few passages at a time."""
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
                        # Nobody to tell is no reason to lose the answers.
                        logger.warning("Progress is not told any more: %s", type(error).__name__)
                        on_progress = None

        async with asyncio.TaskGroup() as group:
            for _ in range(min(PASSAGES_AT_ONCE, len(passages))):
                group.create_task(work())
        return answers


def _outcome(answer: Answer) -> str:
    if answer.failure is not None:
        return type(answer.failure).__name__
    return "cached" if answer.provenance.cached else "answered"


def _conclude(
    request: Request, passages: Sequence[Passage], answers: Sequence[Sequence[Answer]], account: Account
) -> Extraction:
    """Ground, merge and count what was answered, list what was not (pure)."""
    found: list[Entity] = []
    ungrounded = 0
    cut = False
    failures: dict[str, list[EngineError]] = {}
    missed: list[EngineError] = []
    questions: Counter[tuple[str, str]] = Counter()
    cached: Counter[tuple[str, str]] = Counter()
    for passage, of_passage in zip(passages, answers, strict=True):
        for answer in of_passage:
            missed += _missed(answer)
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
        raise _nothing_answered([failure for of_type in failures.values() for failure in of_type])
    certain = [e for e in found if e.confidence is None or e.confidence >= request.min_confidence]
    entities, truncated = limit_entities(merge(certain, request.overlap), request.limit)
    return Extraction(
        entities=entities,
        unanswered=[_unanswered(name, of_type, len(passages)) for name, of_type in failures.items()],
        ungrounded=ungrounded,
        truncated=truncated or cut,
        answered_by=_answered_by(questions, cached, account),
        teacher_missing=_teacher_missing(missed) or None,
    )


def _nothing_answered(failures: Sequence[EngineError]) -> ExtractionError:
    """One sentence outside, each distinct error inside."""
    causes = {str(cause): cause for failure in failures for cause in _causes(failure)}
    return ExtractionError(tuple(causes.values()))


def _causes(failure: EngineError) -> Sequence[EngineError]:
    return failure.causes if isinstance(failure, EveryRouteFailed) else (failure,)


def _unanswered(name: str, failures: Sequence[EngineError], passages: int) -> Unanswered:
    part = "" if len(failures) == passages else f" ({len(failures)} of {passages} passages)"
    return Unanswered(type=name, reason=" | ".join(dict.fromkeys(map(str, failures))) + part)


def _missed(answer: Answer) -> list[EngineError]:
    """Why the teacher did not answer, if it was meant to."""
    return [answer.missed] if answer.missed is not None else []


def _teacher_missing(missed: Sequence[EngineError]) -> list[TeacherMissing]:
    counted: Counter[tuple[Rule | Literal["failed"], str]] = Counter((_rule(error), str(error)) for error in missed)
    return [TeacherMissing(cause=cause, reason=reason, questions=n) for (cause, reason), n in counted.items()]


def _rule(error: EngineError) -> Rule | Literal["failed"]:
    return error.rule if isinstance(error, NotSent) else "failed"


def _answered_by(
    questions: Counter[tuple[str, str]], cached: Counter[tuple[str, str]], account: Account
) -> list[AnsweredBy]:
    """Who answered, and what the teacher cost, also where it answered nothing for it."""
    cost, paid = account.cost, (TEACHER, account.model)
    by = [
        AnsweredBy(engine=engine, model=model, questions=number, cached=cached[engine, model])
        for (engine, model), number in questions.items()
    ]
    if account.model is None or not cost.input_tokens + cost.output_tokens:
        return by
    spent = {"input_tokens": cost.input_tokens, "output_tokens": cost.output_tokens, "usd": round(cost.usd, 9)}
    if paid not in questions:
        by.append(AnsweredBy(engine=TEACHER, model=account.model, questions=0, cached=0))
    return [one.model_copy(update=spent) if (one.engine, one.model) == paid else one for one in by]
