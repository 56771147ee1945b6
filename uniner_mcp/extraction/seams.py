"""Settling what two passages that overlap report about the same place (pure)."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from uniner_mcp.engines.base import Passage
from uniner_mcp.extraction.intervals import Spans
from uniner_mcp.schema import Entity

_Span = tuple[int, int]


def settle(passages: Sequence[Passage], found: Sequence[Sequence[Entity]]) -> list[Entity]:
    """Return the entities of all passages, except those about which a neighbour with a better view disagrees.

    `found` has the entities of each passage. An entity disagrees with one of the same type from the passage before or
    after it if they overlap and are not equal, such as "Kowalski" at the start of a passage and "Paulo Kowalski" at the
    end of the one before. The better view of a mention is that of the passage with more text between the mention and
    its own edge in the other passage; a mention that goes over the edge of a passage is always seen better by the other
    one. From the best view to the worst, an entity gives way only to those that have not given way themselves, so there
    is always one in its place.

    What only one of both passages found is kept: nothing contradicts it, and models overlook mentions more often than
    they invent them. What both found alike, what neither of them sees whole, and what is in three passages is kept,
    too. Confidence does not count, because that of a piece says nothing about the mention. Different types never give
    way to each other, because they are different questions. Takes O(n log n) time.
    """
    spans = [_by_type(of_passage) for of_passage in found]
    given_way: list[set[tuple[str, _Span]]] = [set() for _ in passages]
    for seam in _seams(passages):
        first, second = spans[seam.number], spans[seam.number + 1]
        for kind in first.keys() & second.keys():
            for one in _disagreeing(seam, first[kind], second[kind]):
                given_way[seam.number + one.second].add((kind, one.span))
    return [
        entity
        for of_passage, without in zip(found, given_way, strict=True)
        for entity in of_passage
        if (entity.type, (entity.start, entity.end)) not in without
    ]


@dataclass(frozen=True, slots=True)
class _Seam:
    """Where the passage of this number and the next one overlap, from `start` to `end`.

    Only these two passages contain the text from `after` to `before`.
    """

    number: int
    after: float
    start: int
    end: int
    before: float


@dataclass(frozen=True, slots=True)
class _Seen:
    """A span that the first or the second passage at a seam reports, and how well the passage sees it."""

    span: _Span
    second: bool
    view: float


def _seams(passages: Sequence[Passage]) -> Iterator[_Seam]:
    starts = [*(passage.start for passage in passages), math.inf]
    ends = [-math.inf, *(passage.start + len(passage.text) for passage in passages)]
    for number, (first, second) in enumerate(pairwise(passages)):
        end = first.start + len(first.text)
        if second.start < end:
            yield _Seam(number, ends[number], second.start, end, starts[number + 2])


def _disagreeing(seam: _Seam, first: Collection[_Span], second: Collection[_Span]) -> Iterator[_Seen]:
    """Yield the spans of one type that give way."""
    agreed = {*first} & {*second}
    seen = [
        _Seen(span, False, seam.end - span[1] if span[0] >= seam.start else math.inf)
        for span in first
        if span[1] > seam.start and span[0] >= seam.after
    ]
    seen += [
        _Seen(span, True, span[0] - seam.start if span[1] <= seam.end else math.inf)
        for span in second
        if span[0] < seam.end and span[1] <= seam.before
    ]
    kept = [Spans(one.span for one in seen) for _ in range(2)]
    for one in sorted(seen, key=_worse):
        if one.view < math.inf and one.span not in agreed and kept[not one.second].overlap(*one.span):
            yield one
        else:
            kept[one.second].add(*one.span)


def _worse(seen: _Seen) -> tuple[float, int, bool, int]:
    start, end = seen.span
    return -seen.view, start - end, seen.second, start


def _by_type(entities: Iterable[Entity]) -> Mapping[str, set[_Span]]:
    spans: defaultdict[str, set[_Span]] = defaultdict(set)
    for entity in entities:
        spans[entity.type].add((entity.start, entity.end))
    return spans
