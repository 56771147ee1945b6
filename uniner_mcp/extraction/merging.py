"""Merging the entities of many questions into one list, without duplicates and unwanted overlap."""

from __future__ import annotations

from collections.abc import Iterable

from uniner_mcp.extraction.intervals import Highest, Spans, numbered
from uniner_mcp.schema import Entity, Overlap


def certainty(confidence: float | None) -> float:
    """Return a sort key for a confidence: None is lower than every number."""
    return -1.0 if confidence is None else confidence


def merge(entities: Iterable[Entity], overlap: Overlap) -> list[Entity]:
    """Keep one entity per span and type, resolve overlap, and return the result in reading order.

    Of entities with the same span and type, the most confident one is kept. `flat` goes through the entities from best
    to worst and keeps those that do not overlap any entity kept before; `nested` keeps those that do not cross any,
    where crossing means overlap without one containing the other; `all` keeps everything. Better means more confident,
    then longer, then earlier, then first in the alphabetical order of types. Takes O(n log n) time, and the result does
    not depend on the order of `entities`.
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


def _reading_order(entity: Entity) -> tuple[int, int, str]:
    return entity.start, -entity.end, entity.type


def _worse(entity: Entity) -> tuple[float, int, int, str]:
    return -certainty(entity.confidence), entity.start - entity.end, entity.start, entity.type


def _without_overlap(best_first: list[Entity]) -> list[Entity]:
    kept: list[Entity] = []
    spans = Spans((entity.start, entity.end) for entity in best_first)
    for entity in best_first:
        if not spans.overlap(entity.start, entity.end):
            spans.add(entity.start, entity.end)
            kept.append(entity)
    return kept


def _without_crossing(best_first: list[Entity]) -> list[Entity]:
    # Kept spans around the same point are nested. So a span crosses one of them if and only if it crosses the innermost
    # one around its end (the last to start) or the innermost one around its start (the first to end).
    number = numbered((entity.start, entity.end) for entity in best_first)
    last_start = Highest(len(number))
    first_end = Highest(len(number))
    kept: list[Entity] = []
    for entity in best_first:
        start, end = number[entity.start], number[entity.end]
        if last_start.at(end) > start or -first_end.at(start) < end:
            continue
        last_start.raise_to(start, start + 1, end)
        first_end.raise_to(-end, start + 1, end)
        kept.append(entity)
    return kept
