"""Scores of a run (pure): the paper's F1 with its interval, spans, types, and classes of errors, per set and domain."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean

from pydantic import JsonValue

from uniner_mcp.evaluate.benchmark import load_benchmark
from uniner_mcp.evaluate.loading import TestSet
from uniner_mcp.evaluate.mistakes import Judged, judge
from uniner_mcp.evaluate.predictions import Found, Prediction
from uniner_mcp.evaluate.scoring import Counts, bootstrap, count, count_partial, count_spans
from uniner_mcp.formats.documents import Document


@dataclass(frozen=True, slots=True)
class Scores:
    """The scores of one set. Counts are over all questions; `interval` is that of the paper's F1, 0 to 1.

    counted: the paper's counts of each passage. strict, partial: None if the set has no offsets. judged: each passage
    with its right and wrong mentions. test_set: what was scored. discontinuous: mentions that are in no count. refused:
    passages that could not be asked, with the reason. trained: whether the engine was trained on the set.
    """

    name: str
    domain: str | None
    counted: Sequence[Counts]
    interval: tuple[float, float]
    strict: Counts | None
    partial: Counts | None
    types: Mapping[str, Counts]
    judged: Sequence[Judged]
    unanswered: int
    seconds: float
    usd: float
    test_set: TestSet
    discontinuous: int
    refused: Sequence[tuple[str, str]]
    trained: bool

    @property
    def unannotated(self) -> int:
        """The number of passages that nobody annotated, which are not scored."""
        return sum(example.asked == () for example in self.test_set.examples)

    @property
    def passages(self) -> int:
        """The number of scored passages."""
        return len(self.counted)

    @property
    def paper(self) -> Counts:
        """The counts for the paper's score."""
        return sum(self.counted, Counts())

    def mistakes(self) -> Counter[str]:
        """Count the judgements of each kind."""
        return Counter(one.kind for passage in self.judged for one in passage.judgements)


def score(test_set: TestSet, predictions: Mapping[str, Prediction], trained: bool = False) -> Scores:
    """Score the predictions for a set; passages without a prediction are left out.

    Discontinuous mentions, which no engine returns, are left out on both sides: in the annotation, and with what was
    found in their place.
    """
    passages: list[Counts] = []
    judged: list[Judged] = []
    strict = partial = Counts()
    types: dict[str, Counts] = {}
    done = [one for number, one in enumerate(test_set.examples) if str(number) in predictions]
    numbers = [str(number) for number in range(len(test_set.examples)) if str(number) in predictions]
    for number, example in zip(numbers, done, strict=True):
        found = [one for one in predictions[number].entities if not _in_parts(one, example)]
        whole = Counts()
        for kind in test_set.asked(example):
            gold = [one for one in example.entities if one.type == kind]
            predicted = [one for one in found if one.type == kind]
            paper = count((one.text for one in gold), (one.text for one in predicted))
            spans = [(one.start, one.end) for one in gold], [(one.start, one.end) for one in predicted]
            strict, partial = strict + count_spans(*spans), partial + count_partial(*spans)
            types[kind] = types.get(kind, Counts()) + paper
            whole += paper
        passages.append(whole)
        judged.append(judge(example, found, test_set.asked(example)))
    used = [predictions[number] for number in numbers]
    return Scores(
        test_set.name,
        test_set.domain,
        passages,
        bootstrap(passages),
        strict if test_set.spans else None,
        partial if test_set.spans else None,
        types,
        judged,
        sum(len(one.unanswered) for one in used),
        sum(one.seconds for one in used),
        sum(one.usd for one in used),
        test_set,
        sum(len(example.discontinuous) for example in done),
        [(example.id, why) for example, one in zip(done, used, strict=True) if (why := one.refused) is not None],
        trained,
    )


def _in_parts(found: Found, example: Document) -> bool:
    """Whether an entity stands in the place of a discontinuous mention of its type."""
    return any(
        found.type == one.type and any(start < found.end and found.start < end for start, end in one.fragments)
        for one in example.discontinuous
    )


def by_domain(scores: Sequence[Scores]) -> dict[str, list[Scores]]:
    """Return the sets of each domain, by name; a set of unknown domain is left out."""
    names = sorted({one.domain for one in scores if one.domain is not None})
    return {name: [one for one in scores if one.domain == name] for name in names}


def macro(scores: Sequence[Scores]) -> float:
    """Return the unweighted mean of the sets' F1, 0 to 1, as the paper averages."""
    return mean(one.paper.f1 for one in scores)


def published_mean(scores: Sequence[Scores], model: str) -> float | None:
    """Return the mean in percent of a model's published F1 on exactly these sets; None unless it is known for all."""
    rows = [load_benchmark().row(one.name) for one in scores]
    known = [row.f1[model] for row in rows if row is not None and model in row.f1]
    return mean(known) if len(known) == len(rows) > 0 else None


def as_json(scores: Sequence[Scores]) -> dict[str, JsonValue]:
    """Return the scores by set, as numbers between 0 and 1."""
    return {
        each.name: {
            "domain": each.domain,
            "passages": each.passages,
            "passages_of_the_set": each.test_set.total,
            "trained_on": each.trained,
            "overlap": each.test_set.overlap,
            "discontinuous": each.discontinuous,
            "f1": each.paper.f1,
            "interval": list(each.interval),
            "precision": each.paper.precision,
            "recall": each.paper.recall,
            "strict_f1": each.strict.f1 if each.strict is not None else None,
            "partial_f1": each.partial.f1 if each.partial is not None else None,
            "types": {
                kind: {"mentions": found.gold, "found": found.predicted, "f1": found.f1 if found.gold else None}
                for kind, found in each.types.items()
            },
            "mentions": dict(each.mistakes()),
            "unanswered": each.unanswered,
            "seconds": each.seconds,
            "usd": each.usd,
        }
        for each in scores
    }
