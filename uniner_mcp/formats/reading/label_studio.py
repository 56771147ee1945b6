"""Label Studio's exports: JSON (tasks with `annotations`) and JSON-MIN (flat rows).

Source: labelstud.io/guide/export. A task that nobody annotated, or that was skipped, returns a document for which no
type was asked. Only labels of spans in a text are read; choices, relations and ratings have no place in it.
"""

from __future__ import annotations

from typing import cast

from pydantic import Field

from uniner_mcp.formats.documents import Document
from uniner_mcp.formats.reading.annotators import ByAnnotator, one_each
from uniner_mcp.formats.reading.entities import named
from uniner_mcp.formats.reading.files import Misfit
from uniner_mcp.formats.reading.mentions import Mentions
from uniner_mcp.formats.reading.options import Options
from uniner_mcp.formats.reading.rows import Row, Strict, fitted


class _Value(Strict):
    start: int
    end: int
    labels: list[str]
    text: str | None = None


class _Result(Strict):
    type: str
    value: dict[str, object]


class _Person(Strict):
    id: int
    email: str | None = None


class _Annotation(Strict):
    result: list[_Result]
    completed_by: int | str | _Person | None = None
    was_cancelled: bool | None = False
    ground_truth: bool | None = False


class _Task(Strict):
    id: int | str | None = None
    data: dict[str, object]
    annotations: list[_Annotation] = Field(default_factory=list[_Annotation])


class _Flat(Strict):
    id: int | str | None = None
    annotator: int | str | _Person | None = None
    text: str | None = None


def read_task(row: Row, number: int, options: Options) -> Document:
    """Read a task with its annotations. Raises Misfit.

    The id is that of the data, which Label Studio keeps, or else that of the task. Of several annotations, that of the
    asked annotator counts, or else the one marked as ground truth.
    """
    task = fitted(_Task, row)
    text = _text(task.data, options)
    done = [one for one in task.annotations if not one.was_cancelled]
    if options.annotator is None and sum(one.ground_truth is True for one in done) == 1:
        done = [one for one in done if one.ground_truth]
    own = task.data.get("id")
    name = named(own if isinstance(own, int | str) else task.id, number)
    if not done:
        return Mentions(text).document(name, ())
    read = [ByAnnotator(_document(name, text, one, options), _person(one.completed_by), name) for one in done]
    (document,) = one_each(read, options.annotator)
    return document


def read_flat(row: Row, number: int, options: Options) -> ByAnnotator:
    """Read a row of JSON-MIN. Raises Misfit."""
    flat = fitted(_Flat, row)
    text = flat.text if flat.text is not None else _text(row, options)
    mentions = Mentions(text, options.offsets)
    for key in labelled_keys(row):
        for value in cast("list[object]", row[key]):
            _add(mentions, fitted(_Value, value))
    name = named(flat.id, number)
    return ByAnnotator(mentions.document(name), _person(flat.annotator), name if flat.id is not None else None)


def labelled_keys(row: Row) -> list[str]:
    """Return the keys of a row of JSON-MIN that hold spans: the names of the labelling tags."""
    return [key for key, value in row.items() if _are_values(value)]


def _are_values(value: object) -> bool:
    if not isinstance(value, list) or not value:
        return False
    first = cast("list[object]", value)[0]
    return isinstance(first, dict) and "labels" in first


def _text(data: Row, options: Options) -> str:
    texts = {key: value for key, value in data.items() if isinstance(value, str)}
    if "text" in texts:
        return texts["text"]
    if len(texts) != 1:
        raise Misfit("expected the text of a task as `text`.")
    return next(iter(texts.values()))


def _document(name: str, text: str, annotation: _Annotation, options: Options) -> Document:
    mentions = Mentions(text, options.offsets)
    for one in annotation.result:
        if one.type in ("hypertextlabels", "paragraphlabels"):
            raise Misfit("labels of HTML or of dialogues have no offsets in one text: export a project of plain text.")
        if one.type == "labels":
            _add(mentions, fitted(_Value, one.value))
    return mentions.document(name)


def _add(mentions: Mentions, value: _Value) -> None:
    for kind in value.labels:
        mentions.add(kind, (value.start, value.end), said=value.text)


def _person(one: int | str | _Person | None) -> str | None:
    if isinstance(one, _Person):
        return one.email or str(one.id)
    return None if one is None else str(one)
