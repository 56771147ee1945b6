"""The judged pairs, and what follows from them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uniner_mcp.types.known import Known, Relation, known_relations, read_relations

KNOWN = known_relations()
NAMES = st.sampled_from(sorted(KNOWN.names))


def test_the_table_in_the_package_has_only_relations_that_are_known() -> None:
    rows = read_relations()
    assert len(rows) > 3000
    assert all(a != b for a, b, _ in rows)
    assert {relation for *_, relation in rows} == {
        Relation.KIND_OF, Relation.SAME, Relation.OVERLAP, Relation.PART_OF, Relation.DISJOINT
    }  # fmt: skip


def test_every_judged_pair_is_told_as_it_was_judged_in_both_directions() -> None:
    for a, b, relation in read_relations():
        assert KNOWN.relation(a, b) is relation
        assert KNOWN.relation(b, a) is relation.inverse


@given(NAMES, NAMES)
def test_the_relation_of_b_to_a_is_the_inverse_of_that_of_a_to_b(a: str, b: str) -> None:
    there, back = KNOWN.relation(a, b), KNOWN.relation(b, a)
    assert (there is None) == (back is None)
    assert there is None or there.inverse is back


def test_no_type_is_a_kind_of_one_of_its_kinds() -> None:
    for name in KNOWN.names:
        for above in KNOWN.broader(name):
            assert name not in KNOWN.broader(above)


@given(NAMES)
def test_synonyms_have_the_same_synonyms_and_kinds_of_kinds_are_kinds(name: str) -> None:
    for other in KNOWN.synonyms(name):
        assert KNOWN.synonyms(other) == KNOWN.synonyms(name) - {other} | {name}
    for above in KNOWN.broader(name):
        assert KNOWN.broader(above) <= KNOWN.broader(name)


@pytest.mark.parametrize(
    ("a", "b", "relation"),
    [
        ("novelist", "novelist", Relation.SAME),
        ("novelist", "human", Relation.KIND_OF),
        ("human", "novelist", Relation.INCLUDES),
        ("song", "album", Relation.DISJOINT),
        ("novelist", "company", Relation.DISJOINT),
        ("political party", "organisation", Relation.KIND_OF),
        ("labour union", "organization", Relation.KIND_OF),
        ("colour", "hour", None),
        ("zog", "person", None),
    ],
)
def test_what_follows_from_judged_pairs(a: str, b: str, relation: Relation | None) -> None:
    assert KNOWN.relation(a, b) is relation


def test_relations_of_a_small_table(tmp_path: Path) -> None:
    path = tmp_path / "relations.tsv"
    path.write_text(
        "type a\ttype b\trelation\nfilm\tmovie\tsame\nshort film\tfilm\tkind-of\nmovie\tplay\tdisjoint\n", "utf-8"
    )
    known = Known(read_relations(path))
    assert known.relation("short film", "movie") is Relation.KIND_OF
    assert known.relation("play", "short film") is Relation.DISJOINT
    assert known.apart("short film", "play") and not known.apart("short film", "film")
    assert known.disjoint("movie") == {"play"}
