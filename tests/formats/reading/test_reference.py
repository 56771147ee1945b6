"""Agreement with the reference implementation (github.com/universal-ner/universal-ner, commit 844e0e1).

The samples are ours, in the format of its evaluation files, with what a model may have written. The expected figures
were printed by its own `NEREvaluator` and `preprocess_instance` on this very file.
"""

from __future__ import annotations

import json
from functools import reduce
from operator import add
from pathlib import Path

import pytest

from uniner_mcp import RequestError
from uniner_mcp.engines.generative.profiles import find_profile
from uniner_mcp.evaluate.scoring import Counts, count_reference
from uniner_mcp.formats.reading.reference import read_reference

SAMPLES = Path(__file__).with_name("reference_samples.json")
PRINTED = {  # correct, predicted, gold
    "plain": (2, 2, 2),
    "article and punctuation": (2, 2, 2),
    "repeated mention counts once": (1, 1, 1),
    "nothing to find, nothing said": (0, 0, 0),
    "nothing to find, something said": (0, 1, 0),
    "missed": (0, 0, 1),
    "bracket inside an entity voids the gold": (0, 0, 0),
    "bracket inside an entity voids the answer": (0, 0, 1),
    "text before the list": (0, 0, 1),
    "text after the list": (1, 1, 1),
    "head of the turn repeated": (1, 1, 1),
    "single quotes": (0, 0, 1),
    "a number voids all": (0, 0, 2),
    "null voids all": (0, 0, 1),
    "nested list": (0, 0, 1),
    "line break in the list": (0, 0, 2),
    "cut off": (0, 0, 2),
    "leading space": (1, 1, 1),
    "an article alone is an empty mention": (1, 1, 1),
    "curly apostrophe is no ASCII punctuation": (0, 1, 1),
    "hyphen joins": (0, 1, 1),
    "question in the text": (1, 1, 1),
    "type with a question": (1, 1, 1),
}
ROWS = {
    sample["id"]: (row, sample["written"])
    for sample, row in zip(json.loads(SAMPLES.read_text(encoding="utf-8")), read_reference(SAMPLES), strict=True)
}


@pytest.mark.parametrize("name", PRINTED)
def test_each_row_is_counted_as_by_the_reference(name: str) -> None:
    row, written = ROWS[name]
    assert count_reference(row.gold, written) == Counts(*PRINTED[name])


def test_precision_recall_and_f1_are_those_of_the_reference() -> None:
    assert ROWS.keys() == PRINTED.keys()
    total = reduce(add, (count_reference(row.gold, written) for row, written in ROWS.values()))
    assert total.precision == pytest.approx(0.7857142857086735, abs=1e-9)
    assert total.recall == pytest.approx(0.43999999999824, abs=1e-9)
    assert total.f1 == pytest.approx(0.5641025640536489, abs=1e-9)


def test_the_prompt_is_that_of_the_reference() -> None:
    row, _ = ROWS["plain"]
    assert find_profile("UniNER-7B-all").conversation().string_prompt(row.text, row.type).text == (
        "A virtual assistant answers questions from a user based on the provided text. "
        "USER: Text: Ada Byron met Charles Babbage . ASSISTANT: I've read this text.</s>"
        "USER: What describes person in the text? ASSISTANT:"
    )


def test_words_of_the_protocol_in_text_and_type_are_read_as_they_are() -> None:
    assert ROWS["question in the text"][0].text == "What describes x in the text? he asked ."
    assert ROWS["type with a question"][0].type == "person in the text? Or who"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[", "not valid JSON"),
        ('[{"conversations": []}]', "row 0: expected a conversation"),
        ('[{"conversations": [{"value": "Hi"}, {"value": ""}, {"value": ""}, {"value": ""}]}]', "wording of UniNER"),
    ],
)
def test_a_file_in_another_format_is_refused_at_its_row(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "file.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(RequestError, match=said):
        read_reference(path)
