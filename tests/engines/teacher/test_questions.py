from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uniner_mcp.engines.teacher.questions import messages, read_mentions, response_format
from uniner_mcp.schema import EntityType

TYPES = [EntityType(name="person"), EntityType(name="left-back", definition='plays "left"')]


def test_one_chat_asks_all_questions_by_number_with_their_definitions() -> None:
    turns = messages("Ada {type}", TYPES)
    assert [turn["role"] for turn in turns] == ["system", "user", "assistant", "user"]
    assert turns[1]["content"] == "Text: Ada {type}"
    questions = json.loads(turns[-1]["content"].partition("? ")[2])
    assert questions == {"1": "person", "2": 'left-back: plays "left"'}


def test_the_schema_wants_a_list_for_each_question_and_holds_no_word_of_the_caller() -> None:
    form = json.dumps(response_format(TYPES))
    assert '"required": ["1", "2"]' in form and '"strict": true' in form and "person" not in form


@pytest.mark.parametrize(
    ("content", "cut", "found"),
    [
        ('{"1": ["Ada"], "2": []}', False, {1: ["Ada"], 2: []}),
        ('```json\n{"1": ["Ada"]}\n```', False, {1: ["Ada"]}),
        ('{"1": ["Ada"], "2": "Bob"}', False, {1: ["Ada"]}),
        ('{"1": ["Ada", 7], "x": ["Bob"], "٣": ["Cyd"]}', False, {}),
        ("Ada", False, None), ("", False, None), ('["Ada"]', False, None), ('{"1": [', False, None),
        ('{"1": ["Ada"], "2": ["Bob", "Cy', True, {1: ["Ada"], 2: ["Bob"]}),
        ('{"1": ["Ada"], "2', True, {1: ["Ada"]}), ("{", True, {}), ("", True, None),
    ],
)  # fmt: skip
def test_an_answer_is_read_as_far_as_it_is_one(content: str, cut: bool, found: dict[int, list[str]] | None) -> None:
    assert read_mentions(content, cut=cut) == found


@given(st.text(), st.booleans())
def test_whatever_is_written_reading_does_not_break(content: str, cut: bool) -> None:
    read_mentions("{" + content, cut=cut)


@given(st.dictionaries(st.integers(1, 9), st.lists(st.text(max_size=5), max_size=4), max_size=5), st.data())
def test_a_cut_anywhere_gives_only_what_was_written(answer: dict[int, list[str]], data: st.DataObject) -> None:
    written = json.dumps({str(number): said for number, said in answer.items()})
    found = read_mentions(written[: data.draw(st.integers(0, len(written)))], cut=True) or {}
    assert all(said == answer[number][: len(said)] for number, said in found.items())
