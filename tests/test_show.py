from __future__ import annotations

import pytest

from uniner_mcp import Entity, Extraction, Unanswered, view
from uniner_mcp.doctor.check import Check
from uniner_mcp.show import show_checks, show_highlight, show_table

TEXT = "Bank of [England] in London"
EXTRACTION = Extraction(
    entities=[
        Entity(text="Bank of [England]", type="[b]bank", start=0, end=17, confidence=None),
        Entity(text="England", type="country", start=9, end=16, confidence=0.5),
    ],
    unanswered=[Unanswered(type="city", reason="the server is down")],
    ungrounded=2,
    warnings=["The model reads only English."],
    truncated=True,
)


def test_brackets_in_a_text_are_no_markup_and_what_is_missing_goes_to_stderr(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show_highlight(TEXT, EXTRACTION)
    shown, missing = capsys.readouterr()
    assert shown == "[Bank of [England]]([b]bank) in London\n"
    assert (
        "reads only English" in missing
        and "city: the server is down" in missing
        and "2 mentions" in missing
        and "cut off" in missing
    )


def test_the_table_has_nested_entities_too(capsys: pytest.CaptureFixture[str]) -> None:
    show_table(EXTRACTION)
    shown = capsys.readouterr().out
    assert "country" in shown and "0.50" in shown and "[b]bank" in shown


def test_the_table_has_distinct_mentions_or_counts_if_these_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    show_table(view(EXTRACTION, "mentions"))
    assert "first at" in capsys.readouterr().out
    show_table(view(EXTRACTION, "counts"))
    shown, missing = capsys.readouterr()
    assert "distinct" in shown and "no entities found" not in missing


def test_a_list_that_was_cut_says_where_to_go_on(capsys: pytest.CaptureFixture[str]) -> None:
    show_table(view(EXTRACTION, limit=1))
    assert "--start 9" in capsys.readouterr().err


def test_a_problem_is_shown_with_its_remedy(capsys: pytest.CaptureFixture[str]) -> None:
    show_checks([Check("cache", False, "read-only", "Choose another.")])
    assert capsys.readouterr().out == "problem cache: read-only\n        -> Choose another.\n"
