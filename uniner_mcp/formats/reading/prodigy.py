"""Prodigy's JSON Lines: `{"text", "spans": [{start, end, label}], "answer"}`.

Only accepted rows are annotation: rejected and ignored ones return a document for which no type was asked.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from uniner_mcp.formats.reading.annotators import ByAnnotator
from uniner_mcp.formats.reading.entities import named
from uniner_mcp.formats.reading.mentions import Mentions
from uniner_mcp.formats.reading.options import Options
from uniner_mcp.formats.reading.rows import Row, Strict, fitted


class _Span(Strict):
    start: int
    end: int
    label: str
    text: str | None = None


class _Meta(Strict):
    id: int | str | None = None


class _Task(Strict):
    text: str
    spans: list[_Span] = Field(default_factory=list[_Span])
    meta: _Meta | None = None
    answer: Literal["accept", "reject", "ignore"] = "accept"
    input: int | None = Field(default=None, alias="_input_hash")
    annotator: str | None = Field(default=None, alias="_annotator_id")


def read_prodigy(row: Row, number: int, options: Options) -> ByAnnotator:
    """Read a task. Raises Misfit."""
    read = fitted(_Task, row)
    mentions = Mentions(read.text, options.offsets)
    for one in read.spans if read.answer == "accept" else ():
        mentions.add(one.label, (one.start, one.end), said=one.text)
    document = mentions.document(named(read.meta and read.meta.id, number), None if read.answer == "accept" else ())
    return ByAnnotator(document, read.annotator, str(read.input) if read.input is not None else None)
