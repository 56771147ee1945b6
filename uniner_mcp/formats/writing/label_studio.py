r"""Label Studio's tasks, for an interface with `<Labels name="label" toName="text">` and `<Text name="text" …>`.

Source: labelstud.io/guide/task_format, labelstud.io/guide/predictions. Label Studio counts code points, `\r\n` as two.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import orjson

from uniner_mcp.formats.documents import Document, Span
from uniner_mcp.formats.writing.losses import CONFIDENCES, UNANNOTATED, Losses, count_losses


def write_annotations(documents: Iterable[Document], losses: Losses) -> Iterator[bytes]:
    """Yield a JSON list of tasks whose mentions are annotations, as if a person had made them."""

    def task(number: int, document: Document) -> dict[str, object]:
        count_losses(document, losses, (UNANNOTATED,))
        done = [] if document.asked == () else [{"id": number, "result": _result(document)}]
        return {"id": number, "annotations": done}

    return _tasks((document, task(number, document)) for number, document in enumerate(documents, start=1))


def write_predictions(documents: Iterable[Document], losses: Losses) -> Iterator[bytes]:
    """Yield a JSON list of tasks whose mentions are predictions, which people are shown to correct."""

    def task(document: Document) -> dict[str, object]:
        count_losses(document, losses, (CONFIDENCES,))
        return {"predictions": [{"model_version": "uniner-mcp", "result": _result(document)}]}

    return _tasks((document, task(document)) for document in documents)


def _tasks(tasks: Iterable[tuple[Document, dict[str, object]]]) -> Iterator[bytes]:
    separator = b"[\n"
    for document, task in tasks:
        yield separator + orjson.dumps({"data": {"text": document.text, "id": document.id}, **task})
        separator = b",\n"
    yield b"\n]\n" if separator == b",\n" else b"[]\n"


def _result(document: Document) -> list[dict[str, object]]:
    return [_region(f"mention-{number}", span) for number, span in enumerate(document.entities)]


def _region(id: str, span: Span) -> dict[str, object]:
    value = {"start": span.start, "end": span.end, "text": span.text, "labels": [span.type]}
    region: dict[str, object] = {"id": id, "from_name": "label", "to_name": "text", "type": "labels", "value": value}
    return region if span.confidence is None else region | {"score": span.confidence}
