"""Right and wrong mentions of a passage, one by one (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from uniner_mcp.evaluate.predictions import Found
from uniner_mcp.formats.documents import Document

Kind = Literal["right", "boundary", "wrong type", "missed", "spurious"]


@dataclass(frozen=True, slots=True)
class Mention:
    """A mention with its type; `text[start:end]` of the passage."""

    start: int
    end: int
    type: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """A gold mention, a predicted one, or a pair of both."""

    kind: Kind
    gold: Mention | None
    predicted: Mention | None


@dataclass(frozen=True, slots=True)
class Judged:
    """A passage with its judgements, in the order of the text."""

    id: str
    text: str
    judgements: Sequence[Judgement]


def judge(example: Document, found: Iterable[Found], types: Iterable[str]) -> Judged:
    """Pair the found mentions with the annotated ones, each mention once.

    right: span and type agree; boundary: the type agrees and the spans overlap; wrong type: the spans overlap. The
    remaining mentions were missed, or are spurious. Only mentions of the asked types count.
    """
    asked = set(types)
    gold = {Mention(one.start, one.end, one.type) for one in example.entities if one.type in asked}
    predicted = {Mention(one.start, one.end, one.type) for one in found if one.type in asked}
    pairs: list[Judgement] = []
    passes: list[tuple[Kind, bool, bool]] = [
        ("right", True, True),
        ("boundary", True, False),
        ("wrong type", False, False),
    ]
    for kind, same_type, same_span in passes:
        for one in sorted(predicted, key=_place):
            twin = next((g for g in sorted(gold, key=_place) if _agree(g, one, same_type, same_span)), None)
            if twin is not None:
                gold.remove(twin)
                predicted.remove(one)
                pairs.append(Judgement(kind, twin, one))
    pairs += [Judgement("missed", one, None) for one in gold]
    pairs += [Judgement("spurious", None, one) for one in predicted]
    return Judged(example.id, example.text, sorted(pairs, key=lambda pair: _place(_first(pair))))


def _agree(gold: Mention, predicted: Mention, same_type: bool, same_span: bool) -> bool:
    if same_type and gold.type != predicted.type:
        return False
    if same_span:
        return (gold.start, gold.end) == (predicted.start, predicted.end)
    return gold.start < predicted.end and predicted.start < gold.end


def _place(mention: Mention) -> tuple[int, int, str]:
    return mention.start, mention.end, mention.type


def _first(pair: Judgement) -> Mention:
    mentions = [mention for mention in (pair.gold, pair.predicted) if mention is not None]
    return min(mentions, key=_place)
