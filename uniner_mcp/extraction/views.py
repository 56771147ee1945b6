"""What is reported of an extraction: its entities, distinct mentions or counts, page by page (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast

import orjson

from uniner_mcp.arguments import limit_of, result_form
from uniner_mcp.schema import DistinctMention, Entity, Extraction, TypeCount

_SEPARATOR = 2
"""Bytes between two items of a list: a comma and the end of the line."""


def view(
    extraction: Extraction, result: str | None = "entities", limit: int | None = None, most_bytes: int | None = None
) -> Extraction:
    """Return what a result lists of an extraction.

    If it is not everything, `truncated` is true and `next_start` is the first offset of the rest. Entities that begin
    together are never divided, so a page may be shorter than it could be, and one with a single place may be longer.
    Pages of mentions and counts can be added up, because each entity is counted on one page only. Takes linear time.

    Args:
        extraction: All entities from the offset on that was asked for.
        result: A `ResultForm`, which fills `entities`, `mentions` or `counts`.
        limit: Number of items to list; None or 0: all. Counts are always complete.
        most_bytes: Size of the result as JSON in UTF-8 (see `as_text`); None: unlimited.

    Raises:
        RequestError: If there is no such form of result, or `limit` is negative.
    """
    form, limit = result_form(result), limit_of(limit)
    if form == "counts":
        return extraction.model_copy(update={"entities": [], "counts": _counts(extraction.entities)})
    number = _fitting(extraction, form == "mentions", limit, most_bytes)
    kept = extraction.entities[:number]
    update: dict[str, Any] = {"entities": kept}
    if form == "mentions":
        update = {"entities": [], "mentions": _mentions(kept)}
    if number < len(extraction.entities):
        update |= {"truncated": True, "next_start": extraction.entities[number].start}
    return extraction.model_copy(update=update)


def as_data(extraction: Extraction) -> dict[str, Any]:
    """Return the extraction as JSON data: small facts first, without what is null or not part of the view."""
    listed_otherwise = extraction.mentions is not None or extraction.counts is not None
    without = {"entities"} if listed_otherwise else None
    data = extraction.model_dump(mode="json", exclude_none=True, exclude=without)
    # The facts that models of results derived from `Extraction` add come before its lists, too.
    return dict(sorted(data.items(), key=lambda fact: fact[0] in ("counts", "mentions", "entities")))


def as_text(data: dict[str, Any]) -> str:
    """Return JSON with one fact or item per line: hosts cut long lines, and search saved results by line."""
    return "{" + ",\n".join(f"{_json(name)}:{_lines(value)}" for name, value in data.items()) + "}"


def _lines(value: object) -> str:
    if not isinstance(value, list):
        return _json(value)
    items = cast("list[object]", value)
    if not items or not isinstance(items[0], dict):
        return _json(items)
    return "[\n" + ",\n".join(map(_json, items)) + "\n]"


def _json(value: object) -> str:
    return orjson.dumps(value).decode()


def _mentions(entities: Sequence[Entity]) -> list[DistinctMention]:
    """Return the distinct mentions, type by type, in the order in which they are first found."""
    found: dict[str, dict[str, list[Entity]]] = {}
    for entity in entities:
        found.setdefault(entity.type, {}).setdefault(_spaced(entity.text), []).append(entity)
    return [same[0].distinct(len(same)) for texts in found.values() for same in texts.values()]


def _spaced(text: str) -> str:
    """Return a mention without line ends: lines are wrapped anywhere, in PDF files and e-mail always."""
    return " ".join(text.split())


def _counts(entities: Sequence[Entity]) -> list[TypeCount]:
    """Return the number of entities of each type, the most frequent first."""
    found: dict[str, list[str]] = {}
    for entity in entities:
        found.setdefault(entity.type, []).append(_spaced(entity.text))
    counts = [TypeCount(type=kind, entities=len(texts), distinct=len({*texts})) for kind, texts in found.items()]
    return sorted(counts, key=lambda count: -count.entities)


def _fitting(extraction: Extraction, distinct: bool, limit: int, most_bytes: int | None) -> int:
    """Return how many entities are reported."""
    entities = extraction.entities
    if not limit and most_bytes is None:
        return len(entities)
    items = size = 0
    if most_bytes is not None:
        bare = extraction.model_copy(update={"entities": [], "truncated": True, "next_start": 0})
        size = len(as_text(as_data(bare)).encode()) + len('"mentions":[\n\n],\n99999999')
    page = 0
    for number, (new, grown) in enumerate(_growth(entities, distinct, measured=most_bytes is not None)):
        if number and entities[number].start > entities[number - 1].start:
            page = number
        items += new
        size += grown
        if page and ((limit and items > limit) or (most_bytes is not None and size > most_bytes)):
            return page
    return len(entities)


def _growth(entities: Sequence[Entity], distinct: bool, *, measured: bool) -> Iterator[tuple[int, int]]:
    """Yield by how many items, and by how many bytes, each entity makes the result longer."""
    counts: dict[tuple[str, str], int] = {}
    for entity in entities:
        key = (entity.type, _spaced(entity.text))
        count = counts[key] = counts.get(key, 0) + 1
        if distinct and count > 1:
            yield 0, len(str(count)) - len(str(count - 1))
            continue
        item = entity.distinct(1) if distinct else entity
        yield 1, len(item.model_dump_json(exclude_none=True).encode()) + _SEPARATOR if measured else 0
