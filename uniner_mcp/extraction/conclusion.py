"""From the answers for all passages to one extraction: ground, settle, merge, count (pure)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Literal

from uniner_mcp.engines.base import TEACHER, Account, Answer, EngineInfo, Passage
from uniner_mcp.errors import EngineError, EveryRouteFailed, ExtractionError, NotSent, Rule
from uniner_mcp.extraction.grounding import ground
from uniner_mcp.extraction.language import ENGLISH, is_english
from uniner_mcp.extraction.merging import merge
from uniner_mcp.extraction.request import Request
from uniner_mcp.extraction.seams import settle
from uniner_mcp.schema import AnsweredBy, Entity, Extraction, TeacherMissing, Unanswered


def conclude(
    request: Request,
    passages: Sequence[Passage],
    answers: Sequence[Sequence[Answer]],
    account: Account,
    info: EngineInfo,
) -> Extraction:
    """Ground, settle and merge the answers, count their sources and list what is unanswered (pure)."""
    found: list[list[Entity]] = []
    ungrounded = 0
    cut = False
    failures: dict[str, list[EngineError]] = {}
    missed: list[EngineError] = []
    questions: Counter[tuple[str, str]] = Counter()
    cached: Counter[tuple[str, str]] = Counter()
    for passage, of_passage in zip(passages, answers, strict=True):
        found.append([])
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
            found[-1].extend(entities)
            ungrounded += dropped
    if failures and not questions:
        raise _nothing_answered([failure for of_type in failures.values() for failure in of_type])
    certain = [e for e in settle(passages, found) if e.confidence is None or e.confidence >= request.min_confidence]
    return Extraction(
        # Merged before it is cut: an entity across `start` keeps its parts away.
        entities=[entity for entity in merge(certain, request.overlap) if entity.start >= request.start],
        unanswered=[_unanswered(name, of_type, len(passages)) for name, of_type in failures.items()],
        ungrounded=ungrounded,
        warnings=_language_warnings(passages, answers, info),
        truncated=cut,
        answered_by=_answered_by(questions, cached, account),
        teacher_missing=_teacher_missing(missed) or None,
    )


def _language_warnings(passages: Sequence[Passage], answers: Sequence[Sequence[Answer]], info: EngineInfo) -> list[str]:
    """Return a warning if the engine answered for passages in a language that it does not read."""
    if info.languages != (ENGLISH,):
        return []
    answered = [
        passage
        for passage, of_passage in zip(passages, answers, strict=True)
        if any(answer.failure is None and answer.provenance.engine == info.name for answer in of_passage)
    ]
    foreign = sum(not is_english(passage.text) for passage in answered)
    if not foreign:
        return []
    which = "the text is" if len(passages) == 1 else f"{foreign} of {len(passages)} passages are"
    return [
        f"The model {info.model} reads only English, and {which} at least partly in another language or script: "
        "entities there are probably missing. Use another engine or model for them."
    ]


def _nothing_answered(failures: Sequence[EngineError]) -> ExtractionError:
    """Return one error that contains each distinct cause."""
    causes = {str(cause): cause for failure in failures for cause in _causes(failure)}
    return ExtractionError(tuple(causes.values()))


def _causes(failure: EngineError) -> Sequence[EngineError]:
    return failure.causes if isinstance(failure, EveryRouteFailed) else (failure,)


def _unanswered(name: str, failures: Sequence[EngineError], passages: int) -> Unanswered:
    part = "" if len(failures) == passages else f" ({len(failures)} of {passages} passages)"
    return Unanswered(type=name, reason=" | ".join(dict.fromkeys(map(str, failures))) + part)


def _missed(answer: Answer) -> list[EngineError]:
    """Return why the teacher did not answer, if the policy preferred its answer."""
    return [answer.missed] if answer.missed is not None else []


def _teacher_missing(missed: Sequence[EngineError]) -> list[TeacherMissing]:
    counted: Counter[tuple[Rule | Literal["failed"], str]] = Counter((_rule(error), str(error)) for error in missed)
    return [TeacherMissing(cause=cause, reason=reason, questions=n) for (cause, reason), n in counted.items()]


def _rule(error: EngineError) -> Rule | Literal["failed"]:
    return error.rule if isinstance(error, NotSent) else "failed"


def _answered_by(
    questions: Counter[tuple[str, str]], cached: Counter[tuple[str, str]], account: Account
) -> list[AnsweredBy]:
    """Return who answered, and the cost of the teacher, even if it was charged without answering."""
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
