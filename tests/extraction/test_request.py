from __future__ import annotations

import pytest

from uniner_mcp import RequestError
from uniner_mcp.extraction.request import Limits, Request, check_request

SECRET = "The patient is Zaphod Beeblebrox."


def check(text: object = SECRET, **given: object) -> Request:
    values: dict[str, object] = {
        "entity_types": ["person"],
        "domain": None,
        "meanings": None,
        "min_confidence": 0.0,
        "overlap": "flat",
        "start": 0,
        "limits": Limits(max_text_chars=100, max_types=3),
    }
    return check_request(text, **(values | given))  # type: ignore[arg-type]


def test_types_are_kept_in_order_without_repetition_and_with_single_spaces() -> None:
    request = check(entity_types=[" film  title ", "person", "film title"], meanings={"person": " a  human "})
    assert [(kind.name, kind.definition) for kind in request.types] == [("film title", None), ("person", "a human")]


def test_a_domain_stands_for_its_types() -> None:
    request = check(entity_types=None, domain="Law", limits=Limits(100, 64))
    assert "court" in [kind.name for kind in request.types]


@pytest.mark.parametrize("absent", [None, "", " ", [], {}])
def test_an_empty_argument_is_one_that_is_not_given(absent: object) -> None:
    optional = {"domain": absent, "meanings": absent, "min_confidence": absent, "overlap": absent, "start": absent}
    assert check(**optional) == check()
    assert check(entity_types=absent, domain="law", limits=Limits(100, 64)).domain == "law"


@pytest.mark.parametrize(
    ("given", "advice"),
    [
        ({"text": ""}, "string as `text`"),
        ({"text": " \n"}, "string as `text`"),
        ({"text": "Zaphod " * 50}, "split it"),
        ({"entity_types": None}, "exactly one of"),
        ({"domain": "law"}, "exactly one of"),
        ({"entity_types": []}, "exactly one of"),
        ({"entity_types": ["person", " "]}, "number 2 is empty"),
        ({"entity_types": ["x" * 121]}, "`meanings`"),
        ({"entity_types": ["a", "b", "c", "d"]}, "several calls"),
        ({"entity_types": None, "domain": "lwa"}, "law"),
        ({"meanings": {"film": "a film"}}, "not requested"),
        ({"meanings": [{"type": "person", "meaning": "x" * 301}]}, "to one sentence"),
        ({"overlap": "some"}, "'nested'"),
        ({"start": -1}, "at least 0"),
        ({"start": 33}, "only 33 characters"),
        ({"start": True}, "whole number"),
        ({"min_confidence": 1.5}, "from 0 to 1"),
        ({"min_confidence": float("nan")}, "from 0 to 1"),
        ({"min_confidence": "high"}, "from 0 to 1"),
        ({"start": 1.5}, "whole number"),
        ({"text": 5}, "string as `text`"),
        ({"text": "Zaphod \ud800"}, "surrogate"),
        ({"meanings": 5}, "list such as"),
        ({"entity_types": {"person": "x"}}, "list of strings"),
        ({"entity_types": [5]}, "list of strings"),
        ({"entity_types": ["a\ud800"]}, "surrogate"),
    ],
)
def test_what_cannot_be_answered_is_refused_with_advice_and_without_the_text(
    given: dict[str, object], advice: str
) -> None:
    with pytest.raises(RequestError) as caught:
        check(**given)
    assert advice in str(caught.value)
    assert "Zaphod" not in str(caught.value)
