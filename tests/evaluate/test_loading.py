"""Annotated sets in the forms that users have them in."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from uniner_mcp.errors import RequestError
from uniner_mcp.evaluate.loading import TestSet, find_sets, load_set

SAMPLES = Path(__file__).parents[1] / "formats" / "reading" / "reference_samples.json"


def written(folder: Path, name: str, text: str, card: dict[str, object] | None = None) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    if card is not None:
        (folder / name.split("/")[0] / "card.json").write_text(json.dumps(card), encoding="utf-8")
    return folder


def entities(one: TestSet) -> list[list[tuple[str, str]]]:
    for example in one.examples:
        assert all(example.text[gold.start : gold.end] == gold.text for gold in example.entities)
    return [[(gold.text, gold.type) for gold in example.entities] for example in one.examples]


def test_tags_by_number_or_name_in_json_lines(tmp_path: Path) -> None:
    rows = [{"tokens": ["Ada", "Byron", "slept"], "ner_tags": [1, 2, 0]}, {"tokens": ["Rome"], "ner_tags": [3]}]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    written(tmp_path, "hub/test.jsonl", lines, {"tags": ["O", "B-PER", "I-PER", "B-LOC"], "labels": {"per": "person"}})
    one = load_set(tmp_path, "hub", "test", None)
    assert entities(one) == [[("Ada Byron", "person")], [("Rome", "loc")]] and one.types == ["loc", "person"]
    written(tmp_path, "names/test.jsonl", json.dumps({"tokens": ["Ada"], "tags": ["B-person"]}))
    assert entities(load_set(tmp_path, "names", "test", None)) == [[("Ada", "person")]]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"tokens": ["a"], "tags": [3]}, "without a name"),
        ({"tokens": ["a", "b"], "tags": ["O"]}, "as many tags"),
        ({"tokens": 3, "tags": 3}, "as many tags"),
    ],
)
def test_a_row_of_tokens_that_does_not_fit_is_named(tmp_path: Path, row: dict[str, object], said: str) -> None:
    lines = json.dumps({"tokens": ["Ada"], "tags": ["B-x"]}) + "\n" + json.dumps(row)
    with pytest.raises(RequestError, match=f"line 2.*{said}"):
        load_set(written(tmp_path, "x/test.jsonl", lines), "x", "test", None)


def test_columns_with_bare_types(tmp_path: Path) -> None:
    rows = "Ada\tperson-artist\nByron\tperson-artist\nsaw\tO\nRome\tlocation-city\nOslo\tlocation-city\n"
    labels = {"person-artist": "artist", "location-city": ""}
    one = load_set(written(tmp_path, "few/test.io", rows, {"labels": labels}), "few", "test", None)
    assert entities(one) == [[("Ada Byron", "artist")]] and one.types == ["artist"]


def test_brat_standoff(tmp_path: Path) -> None:
    written(tmp_path, "n2c2/test/b.txt", "Aspirin, 😀 81 mg\r\ndaily")
    written(tmp_path, "n2c2/test/b.ann", "T1\tDrug 0 7\tAspirin\nR1\tx Arg1:T1\nT2\tStrength-unit 11 13;14 16\t81 mg\n")
    written(tmp_path, "n2c2/test/a.txt", "none")
    written(tmp_path, "n2c2/test/a.ann", "")
    assert find_sets(tmp_path, "test") == ["n2c2"]
    one = load_set(tmp_path, "n2c2", "test", None)
    assert entities(one) == [[], [("Aspirin", "drug"), ("81", "strength unit")]] and one.spans


@pytest.mark.parametrize("line", ["T1\tDrug 0 99\tx", "T1\tDrug a b\tx", "T1 Drug 0 1", "T1\tDrug 3 3\t"])
def test_a_line_of_brat_that_cannot_be_read_is_named(tmp_path: Path, line: str) -> None:
    written(tmp_path, "x/test/a.txt", "Aspirin")
    with pytest.raises(RequestError, match="line 1"):
        load_set(written(tmp_path, "x/test/a.ann", line), "x", "test", None)


def test_the_files_of_the_reference_implementation_as_sets(tmp_path: Path) -> None:
    turns = [("Ada left Rome", "person", '["Ada"]'), ("Ada left Rome", "city", '["Rome", "Roma"]'), ("x", "city", "[]")]
    rows = [
        {"conversations": [{"from": who, "value": value} for who, value in (
            ("human", f"Text: {text}"), ("gpt", "I've read this text."),
            ("human", f"What describes {kind} in the text?"), ("gpt", gold))]}
        for text, kind, gold in turns
    ]  # fmt: skip
    written(tmp_path, "CrossNER_AI.json", json.dumps(rows))
    assert find_sets(tmp_path, "test") == ["CrossNER_AI"]
    one = load_set(tmp_path, "CrossNER_AI", "test", None)
    first, second = one.examples
    assert [(gold.text, gold.type, gold.start, gold.end) for gold in first.entities] == [
        ("Ada", "person", 0, 3), ("Rome", "city", 9, 13), ("Roma", "city", 0, 0)]  # fmt: skip
    assert one.asked(first) == ["person", "city"] and one.asked(second) == ["city"] and not one.spans


def test_real_rows_of_the_reference_files_are_read(tmp_path: Path) -> None:
    rows = json.loads(SAMPLES.read_bytes())
    assert rows
    written(tmp_path, "x/test.json", json.dumps(rows))
    one = load_set(tmp_path, "x", "test", 2)
    assert len(one.examples) == 2 and one.types


def test_a_card_that_is_none_is_named(tmp_path: Path) -> None:
    written(tmp_path, "x/test.conll", "a O\n", {"labels": ["no"]})
    with pytest.raises(RequestError, match="is not a valid card"):
        load_set(tmp_path, "x", "test", None)
