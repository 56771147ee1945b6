"""Making one list of the entities of many questions: without duplicates, with only the overlap that is wanted."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable

from uniner_mcp.schema import Entity, Overlap


def certainty(confidence: float | None) -> float:
    """A number to compare confidences by: None comes below every number."""
    return -1.0 if confidence is None else confidence


def merge(entities: Iterable[Entity], overlap: Overlap) -> list[Entity]:
    """Leave one entity of each span and type, resolve overlap, and return what is left in reading order.

    Of equal entities the most confident stays. `flat` goes from the best entity to the worst and keeps those that
    overlap none kept before; `nested` likewise those that cross none, that is overlap without one containing the
    other; `all` keeps everything. Better is more confident, then longer, then earlier, then of the first type by name.
    Takes O(n log n) time, and the result does not depend on the order of `entities`.
    """
    distinct: dict[tuple[int, int, str], Entity] = {}
    for entity in entities:
        key = (entity.start, entity.end, entity.type)
        known = distinct.get(key)
        if known is None or certainty(entity.confidence) > certainty(known.confidence):
            distinct[key] = entity
    if overlap == "all":
        return sorted(distinct.values(), key=_reading_order)
    best_first = sorted(distinct.values(), key=_worse)
    kept = _without_overlap(best_first) if overlap == "flat" else _without_crossing(best_first)
    return sorted(kept, key=_reading_order)


def limit_entities(entities: Iterable[Entity], limit: int | None) -> tuple[list[Entity], bool]:
    """The first `limit` entities (at least 0; None for all) in reading order, and whether any were left out."""
    ordered = sorted(entities, key=_reading_order)
    return ordered[:limit], limit is not None and len(ordered) > limit


def _reading_order(entity: Entity) -> tuple[int, int, str]:
    return entity.start, -entity.end, entity.type


def _worse(entity: Entity) -> tuple[float, int, int, str]:
    return -certainty(entity.confidence), entity.start - entity.end, entity.start, entity.type


def _without_overlap(best_first: list[Entity]) -> list[Entity]:
    kept: list[Entity] = []
    spans: list[tuple[int, int]] = []
    for entity in best_first:
        place = bisect_left(spans, (entity.start, entity.end))
        before_is_clear = place == 0 or spans[place - 1][1] <= entity.start
        after_is_clear = place == len(spans) or entity.end <= spans[place][0]
        if before_is_clear and after_is_clear:
            spans.insert(place, (entity.start, entity.end))
            kept.append(entity)
    return kept


def _without_crossing(best_first: list[Entity]) -> list[Entity]:
    # Kept spans that have a point strictly inside lie within one another. So a span crosses one of them exactly if
    # it crosses the innermost around its end (the last to start) or the innermost around its start (the first to end).
    places = sorted({place for entity in best_first for place in (entity.start, entity.end)})
    number = {place: index for index, place in enumerate(places)}
    last_start = _Highest(len(places))
    first_end = _Highest(len(places))
    kept: list[Entity] = []
    for entity in best_first:
        start, end = number[entity.start], number[entity.end]
        if last_start.at(end) > start or -first_end.at(start) < end:
            continue
        last_start.raise_to(start, start + 1, end)
        first_end.raise_to(-end, start + 1, end)
        kept.append(entity)
    return kept


class _Highest:
    """The highest of the values given to the ranges around a point: a segment tree, O(log n) for each call."""

    def __init__(self, points: int) -> None:
        self._points = points
        self._tree = [float("-inf")] * (2 * points)

    def raise_to(self, value: int, first: int, end: int) -> None:
        """Give the points from `first` up to and without `end` at least this value."""
        low, high = first + self._points, end + self._points
        while low < high:
            if low % 2:
                self._tree[low] = max(self._tree[low], value)
                low += 1
            if high % 2:
                high -= 1
                self._tree[high] = max(self._tree[high], value)
            low //= 2
            high //= 2

    def at(self, point: int) -> float:
        """The highest value given to a point; minus infinity if there was none."""
        node, highest = point + self._points, float("-inf")
        while node:
            highest = max(highest, self._tree[node])
            node //= 2
        return highest
