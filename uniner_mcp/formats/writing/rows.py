"""JSON Lines, one document per row: our own format, doccano's and Prodigy's; and a table of mentions in CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator

import orjson

from uniner_mcp.formats.documents import Document
from uniner_mcp.formats.writing.losses import ASKED, CONFIDENCES, UNANNOTATED, Losses, count_losses

EMPTY = "documents without mentions"


def write_jsonl(documents: Iterable[Document], losses: Losses) -> Iterator[bytes]:
    """Yield rows of our own format: `{"id", "text", "entities": [{text, type, start, end, confidence}]}`."""
    for document in documents:
        count_losses(document, losses, (ASKED, CONFIDENCES, UNANNOTATED))
        entities = [
            {"text": one.text, "type": one.type, "start": one.start, "end": one.end}
            | ({} if one.confidence is None else {"confidence": one.confidence})
            for one in document.entities
        ]
        row: dict[str, object] = {"id": document.id, "text": document.text, "entities": entities}
        yield orjson.dumps(row if document.asked is None else row | {"asked_types": document.asked}) + b"\n"


def write_doccano(documents: Iterable[Document], losses: Losses) -> Iterator[bytes]:
    """Yield rows of doccano: `{"id", "text", "label": [[start, end, type]]}`.

    They are ASCII, because doccano guesses the encoding of a file if it is not told.
    """
    for document in documents:
        count_losses(document, losses, ())
        labels = [[one.start, one.end, one.type] for one in document.entities]
        yield json.dumps({"id": document.id, "text": document.text, "label": labels}).encode() + b"\n"


def write_prodigy(documents: Iterable[Document], losses: Losses) -> Iterator[bytes]:
    """Yield tasks of Prodigy: `{"text", "spans": [{start, end, label}], "meta": {"id"}}`."""
    for document in documents:
        count_losses(document, losses, (UNANNOTATED,))
        spans = [{"start": one.start, "end": one.end, "label": one.type} for one in document.entities]
        row: dict[str, object] = {"text": document.text, "spans": spans, "meta": {"id": document.id}}
        yield orjson.dumps(row | ({"answer": "ignore"} if document.asked == () else {})) + b"\n"


def write_csv(documents: Iterable[Document], losses: Losses) -> Iterator[bytes]:
    """Yield a table with a line per mention. It has no texts, so it cannot be read back."""
    yield _line("document", "start", "end", "type", "text", "confidence")
    for document in documents:
        count_losses(document, losses, (CONFIDENCES,))
        losses.update([EMPTY] if not document.entities else [])
        for one in document.entities:
            yield _line(document.id, one.start, one.end, one.type, one.text, one.confidence)


def _line(*cells: object) -> bytes:
    line = io.StringIO(newline="")
    csv.writer(line).writerow(cells)
    return line.getvalue().encode()
