"""Relations between any two types, with the real encoder."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from uniner_mcp import relation
from uniner_mcp.types.files import MODEL
from uniner_mcp.types.known import Relation, normalised
from uniner_mcp.types.relations import SURE


def test_judged_pairs_are_certain() -> None:
    told = relation("novelist", "person")
    assert (told.relation, told.probability) == (Relation.KIND_OF, 1.0)
    assert relation(" Novelist", "PERSON ") == told


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ("hammered dulcimer player", "person", Relation.KIND_OF),
        ("person", "hammered dulcimer player", Relation.INCLUDES),
        ("alpine ski resort", "ski resort", Relation.KIND_OF),
    ],
)
def test_names_that_nobody_judged_are_estimated(a: str, b: str, expected: Relation) -> None:
    told = relation(a, b)
    assert told.relation is expected
    assert SURE <= told.probability < 1


names = st.text("abcdefgh ", min_size=1, max_size=20).filter(lambda name: name.strip())


@settings(max_examples=40, deadline=None)
@given(names, names)
def test_both_directions_agree_and_what_is_uncertain_is_not_told(a: str, b: str) -> None:
    there, back = relation(a, b), relation(b, a)
    assert there.probability == pytest.approx(back.probability, abs=1e-3)
    assert (there.relation is None) == (there.probability < SURE)
    if there.relation is not None and abs(there.probability - SURE) > 1e-3:
        assert there.relation.inverse is back.relation


def test_names_are_compared_without_case_underscores_and_extra_spaces() -> None:
    assert normalised("  Short_Film \n") == "short film"


def test_the_report_on_types_that_were_not_trained_on_is_in_the_package() -> None:
    report = orjson.loads((MODEL / "relations.json").read_bytes())
    assert report["pairs"] > 1000
    assert report["accuracy"] < report["accuracy if told"] <= 1
    assert set(report["by relation"]) == {"kind-of", "same", "overlap", "part-of", "disjoint"}
