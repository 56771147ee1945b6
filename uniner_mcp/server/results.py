"""Results of tools: the same JSON as structured content and as text, not larger than clients can read."""

from __future__ import annotations

from itertools import accumulate
from typing import Any

from mcp.types import CallToolResult, TextContent
from pydantic import BaseModel

from uniner_mcp.schema import Entity, Extraction


def result(model: BaseModel) -> Any:
    """Return `model` as the result of a tool."""
    return CallToolResult(
        content=[TextContent(type="text", text=_json(model))],
        structured_content=model.model_dump(mode="json", exclude_none=True),
    )


def fitted(extraction: Extraction, most: int) -> Extraction:
    """Return the extraction with as many of its first entities as fit into `most` bytes of JSON, at least one.

    If some are left out, it is marked as truncated and says from where on to continue. Takes linear time.
    """
    if _size(extraction) <= most:
        return extraction
    bare = extraction.model_copy(update={"entities": [], "truncated": True, "next_start": 0})
    sizes = accumulate((_size(entity) + 1 for entity in extraction.entities), initial=_size(bare))
    next(sizes)
    for number, size in enumerate(sizes):
        if size > most and number:
            kept, next_start = _cut(extraction.entities, number)
            return extraction.model_copy(update={"entities": kept, "truncated": True, "next_start": next_start})
    return extraction


def _cut(entities: list[Entity], number: int) -> tuple[list[Entity], int]:
    """Return at most the first `number` entities and an offset from which on none of them starts.

    Entities that start together are kept or left out together, so that the next call finds the rest.
    """
    omitted = entities[number].start
    kept = [entity for entity in entities[:number] if entity.start < omitted]
    if not kept:
        return entities[:number], max(entity.end for entity in entities[:number])
    return kept, min(omitted, max(entity.end for entity in kept))


def _size(model: BaseModel) -> int:
    return len(_json(model).encode())


def _json(model: BaseModel) -> str:
    return model.model_dump_json(exclude_none=True)
