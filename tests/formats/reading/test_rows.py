"""JSON and JSON Lines of annotation tools, recognised by their keys."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from formats.reading.conftest import mentions, read_text

from uniner_mcp.errors import RequestError
from uniner_mcp.formats.documents import Document
from uniner_mcp.formats.reading.choice import read, read_documents
from uniner_mcp.formats.reading.options import DEFAULT, Options

OURS = '{"text": "Ada left.", "entities": [{"text": "Ada", "type": "person", "start": 0, "end": 3}]}'
SPAN = {"start": 0, "end": 3, "label": "PER"}


def lines(folder: Path, *rows: object, options: Options = DEFAULT) -> list[Document]:
    return read_text(folder, "test.jsonl", "".join(json.dumps(row) + "\n" for row in rows), options)


@pytest.mark.parametrize(
    ("row", "form"),
    [
        ({"id": 7, "text": "Ada left.", "entities": [{"type": "PER", "start": 0, "end": 3, "confidence": 1}]}, "jsonl"),
        ({"text": "Ada left.", "label": [[0, 3, "PER"]]}, "doccano"),
        ({"text": "Ada left.", "labels": [[0, 3, "PER"]]}, "doccano"),
        (
            {"text": "Ada left.", "entities": [{"label": "PER", "start_offset": 0, "end_offset": 3}], "relations": []},
            "jsonl",
        ),
        ({"text": "Ada left.", "spans": [SPAN], "tokens": [{"text": "Ada"}], "_input_hash": 1}, "prodigy"),
        ({"tokens": ["Ada", "left."], "ner_tags": ["B-PER", "O"]}, "tokens"),
        ({"tokens": ["Ada", "left."], "tags": ["B-PER", "O"], "id": "9"}, "tokens"),
        ({"tokenized_text": ["Ada", "left."], "ner": [[0, 0, "PER"]]}, "gliner"),
    ],
)
def test_the_rows_of_each_tool_are_recognised_in_lines_and_in_a_list(
    tmp_path: Path, row: dict[str, object], form: str
) -> None:
    (one,) = lines(tmp_path, row)
    assert (one.text, mentions(one)) == ("Ada left.", [("Ada", "PER")])
    assert one.id == str(row.get("id", 0)) or form == "gliner"
    (other,) = read_text(tmp_path, "test.json", json.dumps([row], indent=2))
    assert other == one and read(tmp_path / "test.json").form == form


def test_blank_lines_are_no_rows_and_a_byte_order_mark_is_no_text(tmp_path: Path) -> None:
    first, second = read_text(tmp_path, "test.jsonl", f"\ufeff\n{OURS}\r\n  \n{OURS}\n\n")
    assert (first.id, second.id, mentions(second)) == ("0", "1", [("Ada", "person")])
    assert read_text(tmp_path, "test.jsonl", "\n") == []
    assert len(read_text(tmp_path, "test.json", f"{OURS}\n{OURS}\n")) == 2


def test_types_that_were_asked_and_confidences_are_kept(tmp_path: Path) -> None:
    entity = {"type": "a", "start": 0, "end": 3, "confidence": 0.5}
    (one,) = lines(tmp_path, {"text": "Ada", "entities": [entity], "asked_types": ["a", "b"]})
    assert one.asked == ("a", "b") and one.entities[0].confidence == 0.5


def test_numbers_of_tags_are_named_by_the_card_or_by_the_description_of_the_hub(tmp_path: Path) -> None:
    row = {"tokens": ["Ada", "Byron", "slept"], "ner_tags": [1, 2, 0]}
    with pytest.raises(RequestError, match='line 1: the tag 1 has no name: list the names as `"tags"`'):
        lines(tmp_path, row)
    (one,) = lines(tmp_path, row, options=Options(tags=("O", "B-PER", "I-PER")))
    assert mentions(one) == [("Ada Byron", "PER")]
    (tmp_path / "dataset_infos.json").write_text("[", encoding="utf-8")
    names = {"feature": {"names": ["O", "B-X", "I-X"], "_type": "ClassLabel"}, "_type": "Sequence"}
    features = {"pos_tags": {"feature": {"names": ["NN"]}}, "ner_tags": names}
    (tmp_path / "dataset_info.json").write_text(json.dumps({"features": features}), encoding="utf-8")
    (one,) = lines(tmp_path, row)
    assert mentions(one) == [("Ada Byron", "X")]
    (tmp_path / "dataset_info.json").write_text(json.dumps({"features": {}}), encoding="utf-8")
    with pytest.raises(RequestError, match="has no name"):
        lines(tmp_path, row)


def test_gliner_counts_tokens_and_includes_the_last(tmp_path: Path) -> None:
    (one,) = lines(tmp_path, {"tokenized_text": ["in", "New", "York"], "ner": [[1, 2, "city"], [2, 2, "x"]]})
    assert mentions(one) == [("New York", "city"), ("York", "x")]
    with pytest.raises(RequestError, match="token numbers from 0 to 0, not 0 to 1"):
        lines(tmp_path, {"tokenized_text": ["in"], "ner": [[0, 1, "city"]]})


def test_only_accepted_rows_of_prodigy_are_annotation(tmp_path: Path) -> None:
    rows = [{"text": "Ada", "spans": [SPAN], "answer": answer} for answer in ("accept", "reject", "ignore")]
    read = lines(tmp_path, *rows, {"text": "nobody", "answer": "accept", "_input_hash": 3})
    assert [one.asked for one in read] == [None, (), (), None]
    assert [len(one.entities) for one in read] == [1, 0, 0, 0]


def test_of_several_annotators_one_is_chosen_or_the_file_is_refused(tmp_path: Path) -> None:
    rows = [
        {"text": "Ada", "spans": [{**SPAN, "label": who}], "_input_hash": 5, "_annotator_id": f"db-{who}"}
        for who in ("anna", "bert")
    ]
    with pytest.raises(RequestError, match=r"annotated 2 times \(annotators: db-anna, db-bert\): say whose"):
        lines(tmp_path, *rows)
    (one,) = lines(tmp_path, *rows, options=Options(annotator="db-bert"))
    assert mentions(one) == [("Ada", "bert")]
    with pytest.raises(RequestError, match="annotated 2 times"):
        lines(tmp_path, *rows, options=Options(annotator="nobody"))


def test_utf_16_offsets_are_read_if_that_is_said(tmp_path: Path) -> None:
    row = {"text": "😀 Ada 😀", "label": [[3, 6, "PER"], [7, 9, "x"]]}
    (one,) = lines(tmp_path, row, options=Options(offsets="utf-16"))
    assert mentions(one) == [("Ada", "PER"), ("😀", "x")]
    with pytest.raises(RequestError, match="offsets from 0 to 7"):
        lines(tmp_path, row)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "not valid JSON"),
        ("[]", "expected a JSON object"),
        ("[" * 3000, "not valid JSON"),
        ('{"id": "1"}', "the key `text` is missing"),
        ('{"text": "Ada"}', "the key `entities` is missing"),
        ('{"text": 3, "entities": []}', "`text`: input should be a valid string"),
        ('{"text": "Ada", "entities": {}}', "`entities`: input should be a valid list"),
        ('{"text": "Ada", "entities": [{"start": 0, "end": 3}]}', r"the key `entities\[0\].type` is missing"),
        ('{"text": "Ada", "entities": [{"type": "x", "start": true, "end": 3}]}', "should be a valid integer"),
        ('{"text": "Ada", "entities": [{"type": "x", "start": 1.0, "end": 3}]}', "should be a valid integer"),
        (OURS.replace('"start": 0', '"start": 1'), "the text at 1 to 3 is not that of the mention"),
        (OURS.replace('"end": 3', '"end": 30'), "expected offsets from 0 to 9"),
    ],
)
def test_a_line_that_does_not_fit_is_named_and_what_it_lacks(tmp_path: Path, line: str, said: str) -> None:
    with pytest.raises(RequestError, match=rf"test\.jsonl, line 3: .*{said}") as raised:
        read_text(tmp_path, "test.jsonl", f"{OURS}\n\n{line}\n")
    assert "Ada" not in str(raised.value)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"id": 1}, "`text` and `entities` is missing"),
        ({"text": "Ada"}, "`entities` is missing, or the keys of another known format"),
        ({"tokens": ["a"]}, "the key `ner_tags` is missing"),
        ({"tokens": ["a", "b"], "tags": ["O"]}, "as many tags as tokens, not 1 and 2"),
        ({"tokens": ["a"], "tags": ["person"]}, "expected tags such as B-person"),
        ({"tokens": 3, "tags": ["O"]}, "`tokens`: input should be a valid list"),
        ({"text": "Ada", "label": [[0, 3]]}, r"the key `label\[0\]\[2\]` is missing"),
        ({"text": "Ada", "label": [["0", 3, "x"]]}, r"`label\[0\]\[0\]`: input should be a valid integer"),
        ({"text": "Ada", "spans": [{"start": 0, "end": 3}]}, r"the key `spans\[0\].label` is missing"),
        ({"tokenized_text": ["a"]}, "the key `ner` is missing"),
    ],
)
def test_what_a_row_lacks_is_named(tmp_path: Path, row: dict[str, object], said: str) -> None:
    with pytest.raises(RequestError, match=f"line 1: .*{said}"):
        lines(tmp_path, row)


def test_a_broken_gzip_file_or_encoding_is_named(tmp_path: Path) -> None:
    path = tmp_path / "test.jsonl.gz"
    for broken in (b"plain", gzip.compress(OURS.encode())[:-9], gzip.compress(OURS.encode())[:12] + b"\xff" * 20):
        path.write_bytes(broken)
        with pytest.raises(RequestError, match=r"test\.jsonl\.gz is not a complete gzip file"):
            read_documents(path)
    for broken in (b"plain", gzip.compress(b"[" + OURS.encode() + b"]")[:-9]):
        (tmp_path / "test.json.gz").write_bytes(broken)
        with pytest.raises(RequestError, match="not a complete gzip file"):
            read_documents(tmp_path / "test.json.gz")
    (tmp_path / "test.jsonl").write_bytes(f"{OURS}\n".encode() + b'{"text": "caf\xe9", "entities": []}\n')
    with pytest.raises(RequestError, match=r"line 2: not UTF-8"):
        read_documents(tmp_path / "test.jsonl")
    with pytest.raises(RequestError, match=r"test\.json, line 3: not valid JSON"):
        read_text(tmp_path, "test.json", '[\n{"text":\n]\n')
    with pytest.raises(RequestError, match=r"item 1: the key `text` is missing"):
        read_text(tmp_path, "test.json", f'[{OURS}, {{"entities": []}}]')
