"""Exports of Label Studio, in the form that its documentation and its converter show."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from formats.reading.conftest import mentions, read_text

from uniner_mcp.errors import RequestError
from uniner_mcp.formats.documents import Document
from uniner_mcp.formats.reading.options import DEFAULT, Options

TEXT = "Ada left\nRome."


def labelled(start: int, end: int, *labels: str, text: str | None = None) -> dict[str, object]:
    value = {"start": start, "end": end, "labels": list(labels), **({} if text is None else {"text": text})}
    return {"id": "x", "from_name": "label", "to_name": "text", "type": "labels", "origin": "manual", "value": value}


def annotation(*results: dict[str, object], **more: object) -> dict[str, object]:
    return {"id": 1, "completed_by": 1, "result": list(results), "was_cancelled": False, **more}


def read(folder: Path, *tasks: object, options: Options = DEFAULT) -> list[Document]:
    return read_text(folder, "test.json", json.dumps(list(tasks)), options)


def task(*annotations: dict[str, object], **data: str) -> dict[str, object]:
    return {"id": 12, "data": data or {"text": TEXT}, "annotations": list(annotations), "predictions": [], "meta": {}}


def test_a_task_is_read_with_its_labels_and_what_is_no_label_is_passed_over(tmp_path: Path) -> None:
    choice = {"type": "choices", "value": {"choices": ["good"]}}
    done = annotation(labelled(0, 3, "PER", text="Ada"), labelled(4, 13, "A", "B", text="left\\nRome"), choice,
                      {"type": "relation", "value": {}})  # fmt: skip
    (one,) = read(tmp_path, task(done))
    assert (one.id, one.text) == ("12", TEXT)
    assert mentions(one) == [("Ada", "PER"), ("left\nRome", "A"), ("left\nRome", "B")]


def test_the_text_may_have_another_name_if_it_is_the_only_one(tmp_path: Path) -> None:
    (one,) = read(tmp_path, task(annotation(labelled(0, 3, "PER")), review="Ada left"))
    assert mentions(one) == [("Ada", "PER")]
    with pytest.raises(RequestError, match="item 0: expected the text of a task as `text`"):
        read(tmp_path, task(annotation(), review="Ada left", title="x"))


def test_tasks_that_nobody_annotated_or_that_were_skipped_are_no_annotation(tmp_path: Path) -> None:
    skipped = annotation(labelled(0, 3, "PER"), was_cancelled=True)
    assert [one.asked for one in read(tmp_path, task(), task(skipped), task(annotation()))] == [(), (), None]


def test_of_several_annotators_the_asked_one_or_the_ground_truth_is_read(tmp_path: Path) -> None:
    both = [
        annotation(labelled(0, 3, "A"), completed_by=3),
        annotation(labelled(0, 3, "B"), completed_by={"id": 4, "email": "b@x.org"}),
    ]
    with pytest.raises(RequestError, match=r"item 0: the text 12 was annotated 2 times \(annotators: 3, b@x.org\)"):
        read(tmp_path, task(*both))
    assert mentions(read(tmp_path, task(*both), options=Options(annotator="b@x.org"))[0]) == [("Ada", "B")]
    true = {**both[0], "ground_truth": True}
    assert mentions(read(tmp_path, task(true, both[1]))[0]) == [("Ada", "A")]
    assert mentions(read(tmp_path, task(true, both[1]), options=Options(annotator="b@x.org"))[0]) == [("Ada", "B")]


def test_json_min_is_read_and_its_annotators_are_told_apart(tmp_path: Path) -> None:
    row = {"id": 5, "text": TEXT, "annotator": 1, "annotation_id": 8, "created_at": "", "lead_time": 3.1}
    spans = [{"start": 0, "end": 3, "text": "Ada", "labels": ["PER"]}]
    nothing, one = read(
        tmp_path, {**row, "id": 4}, {**row, "label": spans, "ner": [{"start": 9, "end": 13, "labels": ["LOC"]}]}
    )
    assert nothing.entities == () and nothing.asked is None
    assert (one.id, mentions(one)) == ("5", [("Ada", "PER"), ("Rome", "LOC")])
    other = {**row, "annotator": 2, "label": [{"start": 0, "end": 3, "labels": ["X"]}]}
    with pytest.raises(RequestError, match=r"annotators: 1, 2\): say whose annotation"):
        read(tmp_path, {**row, "label": spans}, other)
    (chosen,) = read(tmp_path, {**row, "label": spans}, other, options=Options(annotator="2"))
    assert mentions(chosen) == [("Ada", "X")]
    (named,) = read(tmp_path, {"annotation_id": 1, "review": "Ada left", "label": [], "tag": spans})
    assert (named.text, mentions(named)) == ("Ada left", [("Ada", "PER")])


@pytest.mark.parametrize(
    ("result", "said"),
    [
        (labelled(0, 4, "PER", text="Ada"), "the text at 0 to 4 is not that of the mention"),
        ({"type": "labels", "value": {"start": 0, "labels": []}}, "the key `end` is missing"),
        ({"type": "hypertextlabels", "value": {}}, "have no offsets in one text"),
        ({"type": "labels"}, r"the key `annotations\[0\].result\[0\].value` is missing"),
    ],
)
def test_a_task_that_does_not_fit_is_named(tmp_path: Path, result: dict[str, object], said: str) -> None:
    with pytest.raises(RequestError, match=f"item 1: .*{said}"):
        read(tmp_path, task(), task(annotation(result)))
