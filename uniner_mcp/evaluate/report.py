"""Scores of a run, and its report (pure): the paper's F1 with its interval, and spans, per set and type."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from statistics import mean

from pydantic import BaseModel

from uniner_mcp.evaluate.predictions import Prediction, TestSet
from uniner_mcp.evaluate.scoring import Counts, bootstrap, count, count_partial, count_spans


class Published(BaseModel):
    """What was published for a model: F1 in percent by data set, and where."""

    source: str
    f1: dict[str, float]


@dataclass(frozen=True, slots=True)
class Scores:
    """The scores of one set. Counts are over all questions; `interval` is that of the paper's F1, 0 to 1."""

    name: str
    passages: int
    paper: Counts
    interval: tuple[float, float]
    strict: Counts
    partial: Counts
    types: Mapping[str, Counts]
    unanswered: int
    seconds: float
    usd: float


def published() -> dict[str, Published]:
    """The figures of other models, by name."""
    text = files("uniner_mcp.evaluate").joinpath("published.toml").read_text(encoding="utf-8")
    return {name: Published.model_validate(row) for name, row in tomllib.loads(text).items()}


def score(test_set: TestSet, predictions: Mapping[str, Prediction]) -> Scores:
    """Score what was predicted; passages without a prediction are left out."""
    passages: list[Counts] = []
    strict = partial = Counts()
    types: dict[str, Counts] = {}
    done = [one for number, one in enumerate(test_set.examples) if str(number) in predictions]
    numbers = [str(number) for number in range(len(test_set.examples)) if str(number) in predictions]
    for number, example in zip(numbers, done, strict=True):
        found = predictions[number].entities
        whole = Counts()
        for kind in test_set.asked(example):
            gold = [one for one in example.entities if one.type == kind]
            said = [one for one in found if one.type == kind]
            paper = count((one.text for one in gold), (one.text for one in said))
            spans = [(one.start, one.end) for one in gold], [(one.start, one.end) for one in said]
            strict, partial = strict + count_spans(*spans), partial + count_partial(*spans)
            types[kind] = types.get(kind, Counts()) + paper
            whole += paper
        passages.append(whole)
    used = [predictions[number] for number in numbers]
    return Scores(
        test_set.name,
        len(passages),
        sum(passages, Counts()),
        bootstrap(passages),
        strict,
        partial,
        types,
        sum(len(one.unanswered) for one in used),
        sum(one.seconds for one in used),
        sum(one.usd for one in used),
    )


def markdown(run: Mapping[str, object], scores: Sequence[Scores]) -> str:
    """The report."""
    others = {name: one for name, one in published().items() if any(each.name in one.f1 for each in scores)}
    head = ["set", "passages", "F1", "95 %", "precision", "recall", "strict spans", "partial", *others]
    rows = [
        [
            each.name,
            str(each.passages),
            f"**{_percent(each.paper.f1)}**",
            f"{_percent(each.interval[0])} to {_percent(each.interval[1])}",
            _percent(each.paper.precision),
            _percent(each.paper.recall),
            _percent(each.strict.f1),
            _percent(each.partial.f1),
            *(f"{one.f1[each.name]:.1f}" if each.name in one.f1 else "" for one in others.values()),
        ]
        for each in scores
    ]
    if len(scores) > 1:
        average = [f"**{_percent(mean(each.paper.f1 for each in scores))}**", "", "", ""]
        spans = [_percent(mean(getattr(each, kind).f1 for each in scores)) for kind in ("strict", "partial")]
        rows.append(
            ["mean of the sets", str(sum(each.passages for each in scores)), *average, *spans, *[""] * len(others)]
        )
    seconds, passages = sum(each.seconds for each in scores), sum(each.passages for each in scores)
    speed = f"{passages / seconds:.1f} passages a second" if seconds else "nothing asked"
    lines = [
        f"# {run['name']}, {run['model']}",
        "",
        f"{run['date']}, uniner-mcp {run['version']}, {run['machine']}; split {run['split']}; {speed}, "
        f"{sum(each.usd for each in scores):.2f} US dollars, "
        f"{sum(each.unanswered for each in scores)} questions unanswered.",
        "",
        "F1 in percent: the paper's, micro over normalised strings per type, with a bootstrap interval over passages; "
        "strict and partial are over spans.",
        "",
        *_table(head, rows),
        "",
        *(f"{name}: {one.source}.  " for name, one in others.items()),
    ]
    for each in scores:
        ranked = sorted(each.types.items(), key=lambda pair: -pair[1].gold)
        rows = [
            [kind, str(found.gold), _percent(found.f1), _percent(found.precision), _percent(found.recall)]
            for kind, found in ranked
            if found.gold or found.predicted
        ]
        lines += ["", f"## {each.name}", "", *_table(["type", "mentions", "F1", "precision", "recall"], rows)]
    return "\n".join(lines) + "\n"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    rule = ["---", *["--:"] * (len(head) - 1)]
    return [f"| {' | '.join(cell.replace('|', ' ') for cell in row)} |" for row in (head, rule, *rows)]


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"
