"""A text with its entities per row: our own format, and doccano's two.

Ours: `{"id", "text", "entities": [{text, type, start, end}], "asked_types"}`, where only `text` and `entities` are
required. doccano: `{"id", "text", "label": [[start, end, type]]}`, or `entities` with `label`, `start_offset` and
`end_offset`.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import AliasChoices, Field

from uniner_mcp.formats.documents import Document
from uniner_mcp.formats.reading.mentions import Mentions
from uniner_mcp.formats.reading.options import Options
from uniner_mcp.formats.reading.rows import Row, Strict, fitted

Triple = Annotated[tuple[int, int, str], Field(strict=False)]
"""Two places and a type. JSON has lists for tuples; what is in them is not converted."""


class _Entity(Strict):
    type: str = Field(validation_alias=AliasChoices("type", "label"))
    start: int = Field(validation_alias=AliasChoices("start", "start_offset"))
    end: int = Field(validation_alias=AliasChoices("end", "end_offset"))
    text: str | None = None
    confidence: float | None = None


class _Entities(Strict):
    id: int | str | None = None
    text: str
    entities: list[_Entity]
    asked_types: list[str] | None = None


class _Labelled(Strict):
    id: int | str | None = None
    text: str
    label: list[Triple] = Field(validation_alias=AliasChoices("label", "labels"))


def read_entities(row: Row, number: int, options: Options) -> Document:
    """Read a row of ours, or of doccano with relations. Raises Misfit."""
    read = fitted(_Entities, row)
    mentions = Mentions(read.text, options.offsets)
    for one in read.entities:
        mentions.add(one.type, (one.start, one.end), said=one.text, confidence=one.confidence)
    return mentions.document(named(read.id, number), read.asked_types)


def read_doccano(row: Row, number: int, options: Options) -> Document:
    """Read a row of doccano's sequence labelling. Raises Misfit."""
    read = fitted(_Labelled, row)
    mentions = Mentions(read.text, options.offsets)
    for start, end, kind in read.label:
        mentions.add(kind, (start, end))
    return mentions.document(named(read.id, number))


def named(id: int | str | None, number: int) -> str:
    """Return the id of a document: its own, or else its number in the file."""
    return str(number if id is None else id)
