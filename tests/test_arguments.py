"""Arguments are read in every form in which models, gateways and people write them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uniner_mcp import RequestError
from uniner_mcp.arguments import is_absent, meanings_by_type, type_names, unknown_arguments, unknown_note

KNOWN = ["text", "entity_types", "domain", "meanings", "min_confidence", "overlap", "limit", "start", "result"]
BACK = {"left-back": "a defender"}


@pytest.mark.parametrize("value", [None, "", " \n", [], {}, ()])
def test_nothing_in_any_form_is_absent(value: object) -> None:
    assert is_absent(value)


@pytest.mark.parametrize("value", [0, 0.0, False, "0", [None], {"a": None}])
def test_zero_and_what_holds_something_is_not_absent(value: object) -> None:
    assert not is_absent(value)


@pytest.mark.parametrize(
    ("written", "names"),
    [
        ("person", ["person"]),
        ("person, left-back,,", ["person", "left-back"]),
        ("person\ncity", ["person", "city"]),
        ("['person', 'city']", ["person", "city"]),
        ("[person, city]", ["person", "city"]),
        ('["person", "city"]', ["person", "city"]),
        ('"[\\"person\\"]"', ["person"]),
        ('"person"', ["person"]),
        ("person's city", ["person's city"]),
        ("5", ["5"]),
        ("", []),
    ],
)
def test_types_are_read_from_one_string(written: str, names: list[str]) -> None:
    assert type_names(written) == names


@given(st.text())
def test_any_string_is_names_or_json(written: str) -> None:
    names = type_names(written)
    assert isinstance(names, list | dict)


@given(st.lists(st.text(min_size=1)))
def test_a_json_list_in_a_string_is_that_list(names: list[str]) -> None:
    assert type_names(json.dumps(names)) == type_names(json.dumps(json.dumps(names))) == names


def test_deeply_nested_json_is_no_crash() -> None:
    assert isinstance(type_names("[" * 100_000), list)
    with pytest.raises(RequestError):
        meanings_by_type("[" * 100_000)


@pytest.mark.parametrize(
    "written",
    [
        BACK,
        [{"type": "left-back", "meaning": "a defender"}],
        [{"type": " left-back ", "meaning": "a\tdefender"}, {"type": "city", "meaning": None}, {"type": "x"}],
        json.dumps(BACK),
        json.dumps([{"type": "left-back", "meaning": "a defender"}]),
        [json.dumps({"type": "left-back", "meaning": "a defender"})],
        {"left-back": "a defender", "city": "", "x": None},
    ],
)
def test_meanings_are_read_from_objects_mappings_and_json(written: object) -> None:
    assert meanings_by_type(written) == BACK


@pytest.mark.parametrize(
    "written", ["a defender", 5, [["left-back", "a"]], [5], {"a": 5}, [{"type": 3, "meaning": "x"}]]
)
def test_other_meanings_are_refused_with_an_example(written: object) -> None:
    with pytest.raises(RequestError, match="left-back"):
        meanings_by_type(written)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("entity_type", "entity_types"),
        ("entityTypes", "entity_types"),
        ("labels", "entity_types"),
        ("meaning", "meanings"),
        ("definition", "meanings"),
        ("confidence", "min_confidence"),
        ("limits", "limit"),
        ("next_start", "start"),
    ],
)
def test_a_name_that_is_nearly_right_is_an_error_that_says_the_right_one(written: str, meant: str) -> None:
    with pytest.raises(RequestError, match=f"did you mean `{meant}`"):
        unknown_arguments([*KNOWN, written], KNOWN)


@pytest.mark.parametrize(
    "name",
    ["id", "sessionId", "toolCallId", "thread_id", "request-id", "_meta", "metadata", "tool", "action", "chatInput"],
)
def test_what_hosts_add_is_passed_over(name: str) -> None:
    assert unknown_arguments([name], KNOWN) == []


def test_other_names_are_reported_but_not_what_may_be_text() -> None:
    unknown: list[Any] = unknown_arguments(["verbose", "Maria Keller lives here", *KNOWN], KNOWN)
    assert unknown == ["verbose", "Maria Keller lives here"]
    assert "`verbose`, 1 more" in unknown_note(unknown, KNOWN) and "Maria" not in unknown_note(unknown, KNOWN)
    assert "ignored: 1." in unknown_note(["Maria Keller"], KNOWN)
    assert "5 more" in unknown_note([f"name{n}" for n in range(10)], KNOWN)
