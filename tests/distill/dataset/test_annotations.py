from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uniner_mcp.distill.dataset.annotations import (
    Labelled,
    Losses,
    head_and_tail,
    label,
    labelled_by_teacher,
    normalise_type,
    read_pairs,
    type_counts,
)
from uniner_mcp.errors import RequestError

ADA, BOB = ("Ada", "person"), ("Bob's", "dog")


@pytest.mark.parametrize(
    ("raw", "pairs"),
    [
        ('[("Ada", "person"), ("Bob\'s", "dog")]', [ADA, BOB]),
        ("[('Ada', 'person')]", [ADA]),
        ('Here: [["Ada", "person"]] as asked.', [ADA]),
        ("[]", []),
        ('[("Ada", "person"), ("Bob\'s", "do', [ADA]),
        ('[("Ada", "person"), Bob is a dog, ("Bob\'s", "dog")]', [ADA, BOB]),
        ('[("Ada", "person", 7), ("Ada", 7), ("Ada", "person")]', [ADA]),
        ('[("A \\"B\\"", "x")]', [('A "B"', "x")]),
        ("nobody", None),
        ("[nobody", None),
        ("", None),
    ],
)
def test_pairs_are_read_as_far_as_they_are_whole(raw: str, pairs: list[tuple[str, str]] | None) -> None:
    assert read_pairs(raw) == pairs


@given(st.lists(st.tuples(st.text(), st.text())))
def test_what_python_writes_is_read(pairs: list[tuple[str, str]]) -> None:
    assert read_pairs(repr(pairs)) == pairs


@given(st.text())
def test_whatever_is_written_reading_does_not_break(raw: str) -> None:
    read_pairs("[" + raw)


def test_types_are_normalised_and_mentions_are_in_the_order_of_the_text() -> None:
    losses = Losses()
    pairs = [("Bob", "PERSON"), ("Ada", "person"), ("Ada", "Person"), ("Cyd", "person"), ("Ada", "MISC"), ("", "x")]
    labelled = label("1", "Ada met Bob.", pairs, losses)
    assert labelled == Labelled("1", "Ada met Bob.", {"person": ("Ada", "Bob")})
    assert losses.entities == {"not in the passage": 2, "of no real type": 1}
    assert normalise_type("Political_Party ") == "political party"
    assert label("2", "Ada", [("Ada", "None")], losses) is None and losses.passages == {"without entities": 1}


def test_a_file_is_read_and_what_is_lost_is_counted(tmp_path: Path) -> None:
    rows = [('[("Ada", "person")]', None), ("Sorry.", None), ("", "declined"), ('[("Eve", "person")]', None)]
    path = tmp_path / "annotations.jsonl"
    lines = [
        json.dumps({"id": str(n), "text": "Ada.", "raw": raw, "error": error}) for n, (raw, error) in enumerate(rows)
    ]
    path.write_text("\n".join(lines), encoding="utf-8")
    losses = Losses()
    assert [one.id for one in labelled_by_teacher(path, losses)] == ["0"]
    assert losses.passages == {"unreadable": 1, "declined": 1, "without entities": 1}
    path.write_text(lines[0] + '\n{"id": 1}', encoding="utf-8")
    with pytest.raises(RequestError, match="line 2"):
        list(labelled_by_teacher(path, Losses()))


def test_the_head_and_the_tail_are_those_of_the_counts() -> None:
    counts = Counter({f"type {number}": 1 for number in range(99)}) + Counter({"person": 101})
    assert head_and_tail(counts) == {
        "top 1 %": {"types": 1, "share": 50.5},
        "1 % to 10 %": {"types": 9, "share": 4.5},
        "the rest": {"types": 90, "share": 45.0},
    }
    assert head_and_tail(Counter())["the rest"] == {"types": 0, "share": 0.0}
    assert type_counts([Labelled("1", "", {"a": ("x", "y")}), Labelled("2", "", {"a": ("z",)})]) == {"a": 3}
