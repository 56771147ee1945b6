"""Annotated sets in the forms that users have them in."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from uniner_mcp.errors import RequestError
from uniner_mcp.evaluate.loading import TestSet, find_sets, load_set
from uniner_mcp.formats.reading.options import Options

SAMPLES = Path(__file__).parents[1] / "formats" / "reading" / "reference_samples.json"
ROW = (
    '{"text": "Ada left Rome.", '
    '"entities": [{"type": "PER", "start": 0, "end": 3}, {"type": "LOC", "start": 9, "end": 13}]'
)


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


def test_types_are_asked_in_words_in_every_form(tmp_path: Path) -> None:
    written(tmp_path, "ours/test.jsonl", f'{ROW}, "asked_types": ["LOC", "PER", "DNA"]}}\n')
    one = load_set(tmp_path, "ours", "test", None)
    assert entities(one) == [[("Ada", "person"), ("Rome", "location")]]
    assert one.types == ["DNA", "location", "person"] and one.asked(one.examples[0]) == ["location", "person", "DNA"]
    assert one.worded == {"LOC": "location", "PER": "person"}
    written(tmp_path, "columns/test.conll", "Ada B-PER\nRome B-Capital_City\nx B-MISC\n")
    one = load_set(tmp_path, "columns", "test", None)
    assert entities(one) == [[("Ada", "person"), ("Rome", "capital city"), ("x", "miscellaneous")]]
    assert one.worded == {"MISC": "miscellaneous", "PER": "person"}
    assert one.asked(one.examples[0]) == ["capital city", "person"]


def test_labels_in_the_spelling_of_the_file_rename_mentions_and_asked_types(tmp_path: Path) -> None:
    labels: dict[str, object] = {"labels": {"PER": "human", "loc": ""}}
    written(tmp_path, "x/test.jsonl", f'{ROW}, "asked_types": ["LOC", "PER"]}}\n', labels)
    one = load_set(tmp_path, "x", "test", None)
    assert entities(one) == [[("Ada", "human")]] and one.types == ["human"] == one.asked(one.examples[0])
    written(tmp_path, "y/test.conll", "Ada\tB-PER\nleft\tO\nRome\tB-LOC\n", labels)
    one = load_set(tmp_path, "y", "test", None)
    assert entities(one) == [[("Ada", "human")]] and one.types == ["human"]


def test_a_label_of_no_type_is_an_error_unless_another_split_has_it(tmp_path: Path) -> None:
    card: dict[str, object] = {"labels": {"PER": "person", "ORG": "firm", "Drgu": "drug"}}
    written(tmp_path, "x/test.conll", "Ada B-PER\n", card)
    written(tmp_path, "x/README.conll", "no set")
    with pytest.raises(RequestError, match=r"card\.json: there is no type 'ORG', 'Drgu' in the set"):
        load_set(tmp_path, "x", "test", None)
    written(tmp_path, "x/train.conll", "Acme B-ORG\n")
    with pytest.raises(RequestError, match="there is no type 'Drgu' in the set"):
        load_set(tmp_path, "x", "test", None)
    written(tmp_path, "x/dev.conll", "Aspirin B-Drgu\n")
    assert load_set(tmp_path, "x", "test", None).types == ["person"]
    (tmp_path / "x" / "dev.conll").unlink()
    (tmp_path / "x" / "card.json").write_text(json.dumps({**card, "entity_counts": {"PER": 1, "Drgu": 0, "ORG": 0}}))
    assert load_set(tmp_path, "x", "test", None).types == ["drug", "firm", "person"]


def test_the_card_says_how_to_read_and_the_caller_may_say_otherwise(tmp_path: Path) -> None:
    card: dict[str, object] = {"tag_column": 2, "offsets": "utf-16", "annotator": 3}
    written(tmp_path, "x/test.conll", "Ada B-PER B-female\n", card)
    assert entities(load_set(tmp_path, "x", "test", None)) == [[("Ada", "person")]]
    assert entities(load_set(tmp_path, "x", "test", None, Options(tag_column=(3,)))) == [[("Ada", "female")]]
    row = '{"text": "😀 Ada", "label": [[3, 6, "x"]]}'
    written(tmp_path, "y/test.jsonl", row, card)
    assert entities(load_set(tmp_path, "y", "test", None)) == [[("Ada", "x")]]
    written(tmp_path, "z/test.jsonl", row)
    assert entities(load_set(tmp_path, "z", "test", None, Options(offsets="utf-16"))) == [[("Ada", "x")]]
    written(tmp_path, "t/test.jsonl", '{"tokens": ["Ada"], "ner_tags": [1]}', {"tags": ["O", "B-PER"]})
    assert entities(load_set(tmp_path, "t", "test", None)) == [[("Ada", "person")]]


def test_brat_folders_and_discontinuous_mentions(tmp_path: Path) -> None:
    written(tmp_path, "n2c2/test/a.txt", "left and right arm")
    written(tmp_path, "n2c2/test/a.ann", "T1\tBody-Part 0 4;15 18\tleft arm\nT2\tBody-Part 9 18\tright arm\n")
    assert find_sets(tmp_path, "test") == ["n2c2"]
    one = load_set(tmp_path, "n2c2", "test", None)
    assert entities(one) == [[("right arm", "body part")]] and one.spans
    assert [part.type for part in one.examples[0].discontinuous] == ["body part"]


def test_sets_are_found_by_what_they_are(tmp_path: Path) -> None:
    for name in ("dataset_infos.json", "notes.json", "a/dataset_infos.json", "b/test.md", "c/train.jsonl"):
        written(tmp_path, name, "{}")
    written(tmp_path, "d/test.txt", "Ada B-PER\n")
    written(tmp_path, "e/test.jsonl.gz", "")
    written(tmp_path, "f.json", SAMPLES.read_text(encoding="utf-8"))
    assert find_sets(tmp_path, "test") == ["d", "e", "f"]
    with pytest.raises(RequestError, match=r"no set b with a test split in .*: test\.md is in no known format \(CoNLL"):
        load_set(tmp_path, "b", "test", None)
    with pytest.raises(RequestError, match=r"no set x with a test split in .*: check both names"):
        load_set(tmp_path, "x", "test", None)


def test_overlapping_mentions_are_asked_type_by_type(tmp_path: Path) -> None:
    both = '{"text": "Ada", "entities": [{"type": "a", "start": 0, "end": 3}, {"type": "b", "start": 0, "end": 3}]}\n'
    one = load_set(written(tmp_path, "x/test.jsonl", f"{ROW}}}\n{both}"), "x", "test", 1)
    assert one.nested and one.overlap == "all" and len(one.examples) == 1 and one.total == 2
    one = load_set(written(tmp_path, "y/test.jsonl", f"{ROW}}}\n"), "y", "test", None)
    assert not one.nested and one.overlap == "flat"


def conversations(*turns: tuple[str, str, str]) -> str:
    rows = [
        {"conversations": [{"from": who, "value": value} for who, value in (
            ("human", f"Text: {text}"), ("gpt", "I've read this text."),
            ("human", f"What describes {kind} in the text?"), ("gpt", gold))]}
        for text, kind, gold in turns
    ]  # fmt: skip
    return json.dumps(rows)


def test_the_files_of_the_reference_implementation_as_sets(tmp_path: Path) -> None:
    turns = [("Ada left Rome", "person", '["Ada"]'), ("Ada left Rome", "city", '["Rome", "Roma"]'), ("x", "city", "[]")]
    written(tmp_path, "CrossNER_AI.json", conversations(*turns))
    assert find_sets(tmp_path, "test") == ["CrossNER_AI"]
    one = load_set(tmp_path, "CrossNER_AI", "test", None)
    first, second = one.examples
    assert [(gold.text, gold.type, gold.start, gold.end) for gold in first.entities] == [
        ("Ada", "person", 0, 3), ("Rome", "city", 9, 13), ("Roma", "city", 0, 0)]  # fmt: skip
    assert one.asked(first) == ["person", "city"] and one.asked(second) == ["city"]
    assert not one.spans and one.overlap == "all"


def test_each_row_of_a_reference_file_is_scored_also_for_a_repeated_text(tmp_path: Path) -> None:
    turns = [("Ada", kind, f'["{kind}"]') for kind in ("person", "city", "person", "city", "city")]
    one = load_set(written(tmp_path, "x/test.json", conversations(*turns)), "x", "test", None)
    assert [one.asked(example) for example in one.examples] == [["person", "city"], ["person", "city"], ["city"]]


def test_real_rows_of_the_reference_files_are_read(tmp_path: Path) -> None:
    written(tmp_path, "x/test.json", SAMPLES.read_text(encoding="utf-8"))
    one = load_set(tmp_path, "x", "test", 2)
    assert len(one.examples) == 2 and one.types


@pytest.mark.parametrize(
    ("card", "said"),
    [
        ({"labels": ["no"]}, "labels: Input should be an object"),
        ({"offsets": "bytes"}, "offsets: Input should be 'code-points' or 'utf-16'"),
    ],
)
def test_a_card_that_is_none_is_named(tmp_path: Path, card: dict[str, object], said: str) -> None:
    written(tmp_path, "x/test.conll", "a O\n", card)
    with pytest.raises(RequestError, match=f"is not a valid card: {said}"):
        load_set(tmp_path, "x", "test", None)


def test_a_type_that_is_too_long_to_ask_is_named_at_once(tmp_path: Path) -> None:
    written(tmp_path, "x/test.conll", f"a B-{'x' * 121}\n")
    with pytest.raises(RequestError, match="a type has 121 characters, but the limit is 120"):
        load_set(tmp_path, "x", "test", None)
