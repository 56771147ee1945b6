"""Merging the entities of many questions into one list, without duplicates and unwanted overlap."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable

from uniner_mcp.extraction.intervals import Highest, Spans, numbered
from uniner_mcp.schema import Entity, Overlap

CREDIBLE = 0.5
"""Share of a general type's confidence that a more specific type needs to displace it (benchmarks/specificity.py)."""

_Key = tuple[int, int, str]

IsKindOf = Callable[[str, str], bool]
"""Whether every mention of the first type is also a mention of the second, as far as that is known."""


def certainty(confidence: float | None) -> float:
    """Return a sort key for a confidence: None is lower than every number."""
    return -1.0 if confidence is None else confidence


def merge(entities: Iterable[Entity], overlap: Overlap, is_kind_of: IsKindOf | None = None) -> list[Entity]:
    """Keep one entity per span and type, resolve overlap, and return the result in reading order.

    Of entities with the same span and type, the most confident one is kept. `flat` goes through the entities from best
    to worst and keeps those that do not overlap any entity kept before; `nested` keeps those that do not cross any,
    where crossing means overlap without one containing the other; `all` keeps everything. Better means more confident,
    then longer, then earlier, then first in the alphabetical order of types. Takes O(n log n) time, and the result does
    not depend on the order of `entities`.

    With `is_kind_of`, `flat` prefers the more specific type: an entity of a general type (person) comes after those of
    more specific types (novelist) that start or end at the same place and are credible, that is, have at least half of
    its confidence, or no confidence is reported.
    """
    distinct: dict[_Key, Entity] = {}
    for entity in entities:
        key = (entity.start, entity.end, entity.type)
        known = distinct.get(key)
        if known is None or certainty(entity.confidence) > certainty(known.confidence):
            distinct[key] = entity
    if overlap == "all":
        return sorted(distinct.values(), key=_reading_order)
    if overlap == "flat" and is_kind_of is not None:
        ranks = _ranks(distinct, is_kind_of)
        best_first = [distinct[key] for key in sorted(distinct, key=lambda key: _worse(distinct[key], *ranks[key]))]
    else:
        best_first = sorted(distinct.values(), key=_worse)
    kept = _without_overlap(best_first) if overlap == "flat" else _without_crossing(best_first)
    return sorted(kept, key=_reading_order)


def _ranks(distinct: dict[_Key, Entity], is_kind_of: IsKindOf) -> dict[_Key, tuple[float, bool]]:
    """Return the confidence that each entity is ranked with, and whether it comes last among equals.

    An entity of a general type gets the lowest confidence of the credible, more specific entities that start or end
    where it does, so that it is only kept if all of them are rejected.
    """
    meeting: defaultdict[tuple[bool, int], dict[str, float | None]] = defaultdict(dict)
    for (start, end, name), entity in distinct.items():
        for place in ((True, start), (False, end)):
            rivals = meeting[place]
            if name not in rivals or certainty(rivals[name]) < certainty(entity.confidence):
                rivals[name] = entity.confidence
    ranks: dict[_Key, tuple[float, bool]] = {}
    for (start, end, name), entity in distinct.items():
        specific = [
            certainty(sure)
            for place in ((True, start), (False, end))
            for other, sure in meeting[place].items()
            if other != name and _credible(sure, entity.confidence) and is_kind_of(other, name)
        ]
        ranks[start, end, name] = (min([certainty(entity.confidence), *specific]), bool(specific))
    return ranks


def _credible(specific: float | None, general: float | None) -> bool:
    return specific is None or general is None or specific >= CREDIBLE * general


def _reading_order(entity: Entity) -> tuple[int, int, str]:
    return entity.start, -entity.end, entity.type


def _worse(entity: Entity, sure: float | None = None, last: bool = False) -> tuple[float, bool, int, int, str]:
    sure = certainty(entity.confidence) if sure is None else sure
    return -sure, last, entity.start - entity.end, entity.start, entity.type


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
