"""Merging entities."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from steps import lines

from uniner_mcp.extraction.merging import certainty, merge
from uniner_mcp.schema import Entity, Overlap

POLICIES: tuple[Overlap, ...] = get_args(Overlap)


def entity(start: int, end: int, kind: str = "person", confidence: float | None = None) -> Entity:
    return Entity(text="x" * (end - start), type=kind, start=start, end=end, confidence=confidence)


def entity_of_length(start: int, length: int, kind: str, confidence: float | None) -> Entity:
    return entity(start, start + length, kind, confidence)


entities = st.lists(
    st.builds(
        entity_of_length,
        st.integers(0, 20),
        st.integers(1, 8),
        st.sampled_from(["person", "city", "film"]),
        st.sampled_from([None, 0.0, 0.25, 0.5, 1.0]),
    ),
    max_size=25,
)
policies = st.sampled_from(POLICIES)


def overlap(one: Entity, other: Entity) -> bool:
    return one.start < other.end and other.start < one.end


def cross(one: Entity, other: Entity) -> bool:
    return one.start < other.start < one.end < other.end or other.start < one.start < other.end < one.end


def same(one: Entity, other: Entity) -> bool:
    return (one.start, one.end, one.type) == (other.start, other.end, other.type)


def greedy(found: list[Entity], policy: Overlap) -> list[Entity]:
    """What `merge` promises, in the plainest words."""
    clash = {"flat": overlap, "nested": cross, "all": same}[policy]
    kept: list[Entity] = []
    for candidate in sorted(found, key=lambda e: (-certainty(e.confidence), e.start - e.end, e.start, e.type)):
        if not any(same(k, candidate) or clash(k, candidate) for k in kept):
            kept.append(candidate)
    return sorted(kept, key=lambda e: (e.start, -e.end, e.type))


@given(entities, policies)
def test_merging_keeps_the_best_entities_that_may_stand_together(found: list[Entity], policy: Overlap) -> None:
    assert merge(found, policy) == greedy(found, policy)


@given(entities, policies)
def test_merging_again_changes_nothing(found: list[Entity], policy: Overlap) -> None:
    assert merge(merge(found, policy), policy) == merge(found, policy)


@given(entities, policies, st.data())
def test_the_order_of_the_entities_does_not_matter(found: list[Entity], policy: Overlap, data: st.DataObject) -> None:
    assert merge(data.draw(st.permutations(found)), policy) == merge(found, policy)


@given(entities)
def test_flat_leaves_no_overlap_and_nested_no_crossing(found: list[Entity]) -> None:
    flat, nested = merge(found, "flat"), merge(found, "nested")
    assert not any(overlap(a, b) for i, a in enumerate(flat) for b in flat[:i])
    assert not any(cross(a, b) for i, a in enumerate(nested) for b in nested[:i])


@given(entities)
def test_every_policy_leaves_entities_that_all_leaves(found: list[Entity]) -> None:
    everything = merge(found, "all")
    assert all(e in everything for e in merge(found, "flat"))
    assert all(e in everything for e in merge(found, "nested"))


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("backwards", [False, True])
def test_the_cost_of_merging_grows_little_faster_than_the_number_of_entities(policy: Overlap, backwards: bool) -> None:
    def cost(number: int) -> int:
        step = -3 if backwards else 3
        found = [entity(5000 + step * at, 5004 + step * at, confidence=1 - at / 5000) for at in range(number)]
        return lines(lambda: merge(found, policy))

    assert cost(1600) < 6 * cost(400)


@pytest.mark.parametrize("policy", POLICIES)
def test_nothing_merges_to_nothing(policy: Overlap) -> None:
    assert merge([], policy) == []


@pytest.mark.parametrize("policy", POLICIES)
def test_equal_entities_become_one_with_the_highest_confidence(policy: Overlap) -> None:
    found = [entity(0, 3), entity(0, 3, confidence=0.2), entity(0, 3, confidence=0.9), entity(0, 3, confidence=0.0)]
    assert merge(found, policy) == [entity(0, 3, confidence=0.9)]


@pytest.mark.parametrize("policy", POLICIES)
def test_entities_side_by_side_all_stay(policy: Overlap) -> None:
    found = [entity(0, 3), entity(3, 5), entity(5, 6)]
    assert merge(found, policy) == found


def test_of_two_types_on_a_span_flat_keeps_the_more_confident() -> None:
    found = [entity(0, 5, "city", 0.4), entity(0, 5, "person", 0.6)]
    assert merge(found, "flat") == [entity(0, 5, "person", 0.6)]
    assert merge(found, "nested") == merge(found, "all") == found


def test_no_confidence_is_worse_than_any() -> None:
    assert merge([entity(0, 9), entity(2, 3, confidence=0.0)], "flat") == [entity(2, 3, confidence=0.0)]


def test_of_equal_confidence_the_longer_then_the_earlier_then_the_first_type_stays() -> None:
    assert merge([entity(0, 2), entity(1, 4)], "flat") == [entity(1, 4)]
    assert merge([entity(1, 3), entity(0, 2)], "flat") == [entity(0, 2)]
    assert merge([entity(0, 2, "person"), entity(0, 2, "city")], "flat") == [entity(0, 2, "city")]


def test_nested_keeps_contained_spans_and_drops_the_worse_of_crossing_ones() -> None:
    outer, inner, crossing = entity(0, 10, confidence=0.5), entity(2, 5), entity(8, 12, confidence=0.4)
    assert merge([inner, crossing, outer], "nested") == [outer, inner]


def test_a_dropped_span_drops_no_other() -> None:
    chain = [entity(0, 4, confidence=0.9), entity(3, 7, confidence=0.8), entity(6, 9, confidence=0.7)]
    assert merge(chain, "nested") == merge(chain, "flat") == [chain[0], chain[2]]


def test_reading_order_is_start_then_longer_then_type() -> None:
    found = [entity(4, 5), entity(0, 2, "person"), entity(0, 2, "city"), entity(0, 9)]
    assert merge(found, "all") == [entity(0, 9), entity(0, 2, "city"), entity(0, 2, "person"), entity(4, 5)]


KINDS = {("novelist", "writer"), ("novelist", "person"), ("writer", "person")}


def is_kind_of(specific: str, general: str) -> bool:
    return (specific, general) in KINDS


def test_flat_keeps_the_most_specific_type_of_a_chain() -> None:
    found = [entity(0, 5, "person", 0.6), entity(0, 5, "writer", 0.5), entity(0, 5, "novelist", 0.45)]
    assert merge(found, "flat", is_kind_of) == [found[2]]
    assert merge(found, "flat") == [found[0]]
    assert len(merge(found, "all", is_kind_of)) == 3


def test_a_specific_type_needs_half_of_the_general_ones_confidence() -> None:
    for sure, kept in ((0.41, "writer"), (0.39, "person")):
        found = [entity(0, 5, "person", 0.8), entity(0, 5, "writer", sure)]
        assert [one.type for one in merge(found, "flat", is_kind_of)] == [kept]


def test_the_specific_type_wins_where_spans_share_a_start_or_an_end_but_not_within() -> None:
    for span in ((2, 9), (2, 6), (0, 9)):
        found = [entity(2, 9, "person", 0.8), entity(*span, "writer", 0.6)]
        assert [one.type for one in merge(found, "flat", is_kind_of)] == ["writer"]
    found = [entity(0, 9, "person", 0.9), entity(2, 6, "writer", 0.6)]
    assert [one.type for one in merge(found, "flat", is_kind_of)] == ["person"]


def test_a_general_type_stays_if_what_displaced_it_is_displaced_itself() -> None:
    film, writer, person = entity(5, 12, "film", 0.8), entity(0, 6, "writer", 0.6), entity(0, 5, "person", 0.7)
    assert merge([film, writer, person], "flat", is_kind_of) == [person, film]


@given(entities, st.sampled_from([{("city", "person")}, {("film", "city"), ("film", "person"), ("city", "person")}]))
def test_what_flat_keeps_with_kinds_does_not_overlap_and_covers_every_rejected_entity(
    found: list[Entity], kinds: set[tuple[str, str]]
) -> None:
    kept = merge(found, "flat", lambda a, b: (a, b) in kinds)
    assert not any(overlap(a, b) for a in kept for b in kept if a is not b)
    assert all(any(overlap(one, other) for other in kept) for one in found)
    assert merge(kept, "flat", lambda a, b: (a, b) in kinds) == kept
