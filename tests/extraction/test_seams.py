"""Settling what two passages that overlap report about the same place."""

from __future__ import annotations

from typing import get_args

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st
from steps import lines

from uniner_mcp.engines.base import Mention, Passage
from uniner_mcp.engines.scripted import ScriptedEngine
from uniner_mcp.extraction.extractor import Extractor
from uniner_mcp.extraction.passages import split_passages
from uniner_mcp.extraction.seams import settle
from uniner_mcp.schema import Entity, EntityType, Overlap

Cut = tuple[list[Passage], list[list[Entity]]]


def entity(start: int, end: int, kind: str = "person", confidence: float | None = None) -> Entity:
    return Entity(text="x" * (end - start), type=kind, start=start, end=end, confidence=confidence)


def overlap(one: Entity, other: Entity) -> bool:
    return one.type == other.type and one.start < other.end and other.start < one.end


# The first passage goes from 0 to 60, the second one from 40 to 100.
PASSAGES = [Passage("x" * 60), Passage("x" * 60, 40)]


def settled(first: list[Entity], second: list[Entity]) -> list[Entity]:
    kept = settle(PASSAGES, [first, second])
    mirrored = [[entity(100 - e.end, 100 - e.start, e.type, e.confidence) for e in of] for of in (second, first)]
    assert sorted((100 - e.end, 100 - e.start) for e in settle(PASSAGES, mirrored)) == sorted(
        (e.start, e.end) for e in kept
    )
    return kept


@st.composite
def cuts(draw: st.DrawFn) -> Cut:
    edges = draw(st.lists(st.tuples(st.integers(1, 12), st.integers(-4, 8)), min_size=1, max_size=6))
    passages: list[Passage] = []
    start = end = 0
    for more, shared in edges:
        start = max(end - shared, start + 1) if passages else 0
        end = max(end, start) + more
        passages.append(Passage("x" * (end - start), start))
    found = [
        draw(
            st.lists(
                st.tuples(st.integers(0, len(p.text) - 1), st.integers(1, 8), st.sampled_from(["person", "city"])).map(
                    lambda at, p=p: entity(p.start + at[0], min(p.start + len(p.text), p.start + at[0] + at[1]), at[2])
                ),
                max_size=6,
            )
        )
        for p in passages
    ]
    return passages, found


@given(cuts())
def test_what_gives_way_is_replaced_by_the_neighbours(cut: Cut) -> None:
    passages, found = cut
    kept = settle(passages, found)
    everything = [one for of_passage in found for one in of_passage]
    assert all(any(one is other for other in everything) for one in kept)
    assert all(any(overlap(one, other) for other in kept) for one in everything)


spans_of_first = st.lists(st.builds(entity, st.integers(36, 50), st.integers(51, 60)), max_size=6)
spans_of_second = st.lists(st.builds(entity, st.integers(40, 50), st.integers(51, 64)), max_size=6)


@given(spans_of_first, spans_of_second)
def test_what_two_passages_found_alike_stays(first: list[Entity], second: list[Entity]) -> None:
    kept = settle(PASSAGES, [first, second])
    assert all(kept.count(one) == first.count(one) + second.count(one) for one in first if one in second)


@given(spans_of_first, spans_of_second)
def test_no_disagreement_is_left_about_what_either_sees_whole(first: list[Entity], second: list[Entity]) -> None:
    kept = settle(PASSAGES, [first, second])
    only_first = [one for one in kept if one in first and one not in second]
    only_second = [one for one in kept if one in second and one not in first]
    left = [(one, other) for one in only_first for other in only_second if overlap(one, other)]
    assert all(one.start < 40 and other.end > 60 for one, other in left)


@given(st.lists(st.builds(entity, st.integers(0, 9), st.integers(10, 20)), max_size=6))
def test_the_answers_of_a_single_passage_stay(found: list[Entity]) -> None:
    assert settle([Passage("x" * 20)], [found]) == found


def test_a_piece_at_the_edge_of_a_passage_gives_way_to_the_whole() -> None:
    assert settled([entity(34, 49)], [entity(40, 49)]) == [entity(34, 49)]


def test_a_piece_after_the_edge_of_a_passage_gives_way_to_the_whole() -> None:
    assert settled([entity(34, 58)], [entity(50, 58)]) == [entity(34, 58)]


def test_a_piece_gives_way_however_confident_it_is() -> None:
    assert settled([entity(34, 49)], [entity(40, 49, confidence=0.9)]) == [entity(34, 49)]


def test_too_long_a_mention_at_the_edge_gives_way_to_what_the_neighbour_sees_there() -> None:
    assert settled([entity(40, 45)], [entity(40, 49)]) == [entity(40, 45)]


def test_of_two_spans_that_both_see_whole_the_one_with_more_text_around_it_stays() -> None:
    assert settled([entity(42, 48)], [entity(42, 50)]) == [entity(42, 48)]
    assert settled([entity(50, 58)], [entity(50, 57)]) == [entity(50, 57)]


def test_what_one_passage_found_and_the_other_did_not_stays() -> None:
    assert settled([], [entity(40, 49)]) == [entity(40, 49)]
    assert settled([entity(20, 39)], [entity(40, 49), entity(52, 58)]) == [
        entity(20, 39),
        entity(40, 49),
        entity(52, 58),
    ]


def test_a_mention_of_another_type_does_not_count() -> None:
    found = [entity(34, 49, "organisation")], [entity(40, 49)]
    assert settled(*found) == [*found[0], *found[1]]


def test_what_no_passage_sees_whole_stays() -> None:
    assert settled([entity(30, 50)], [entity(45, 70)]) == [entity(30, 50), entity(45, 70)]


def test_nested_mentions_of_one_passage_stay() -> None:
    found = [entity(42, 50), entity(42, 44)]
    assert settled(found, []) == found
    assert settled(found, [entity(52, 55)]) == [*found, entity(52, 55)]


def test_what_gave_way_makes_nothing_else_give_way() -> None:
    assert settled([entity(41, 56)], [entity(42, 44), entity(53, 55)]) == [entity(42, 44), entity(53, 55)]


def test_what_three_passages_contain_stays() -> None:
    passages = [Passage("x" * 60), Passage("x" * 60, 10), Passage("x" * 60, 20)]
    found = [[entity(40, 50)], [entity(41, 50)], [entity(42, 50)]]
    assert settle(passages, found) == [one for of_passage in found for one in of_passage]


def test_passages_that_do_not_overlap_leave_everything() -> None:
    passages = [Passage("x" * 40), Passage("x" * 40, 40)]
    assert settle(passages, [[entity(30, 40)], [entity(40, 45)]]) == [entity(30, 40), entity(40, 45)]


@pytest.mark.anyio
@pytest.mark.parametrize("policy", get_args(Overlap))
@pytest.mark.parametrize("budget", [21, 39, 63])
async def test_a_name_that_is_cut_by_a_seam_is_one_entity(budget: int, policy: Overlap) -> None:
    text = "so Paulo Kowalski went on and " * 60

    def script(passage: Passage, _: EntityType) -> list[Mention]:
        found = regex.finditer("Paulo Kowalski|Kowalski|Paulo", passage.text)
        return [Mention(name[0], name.span()) for name in found]

    engine = ScriptedEngine(script, context_budget=budget)
    passages = split_passages(text, budget)
    assert any(passage.text.startswith("Kowalski") for passage in passages)
    assert any(passage.text.endswith("Paulo") for passage in passages)
    async with Extractor(engine) as extractor:
        extraction = await extractor.extract(text, ["person"], overlap=policy)
    assert {one.text for one in extraction.entities} == {"Paulo Kowalski"}
    assert len(extraction.entities) == 60


@pytest.mark.parametrize("kinds", [1, 50])
def test_the_cost_of_settling_grows_little_faster_than_the_number_of_entities(kinds: int) -> None:
    def cost(number: int) -> int:
        passages = [Passage("x" * 6 * number, 3 * number * at) for at in range(2)]
        first = [entity(3 * number + at, 3 * number + at + 2, f"{at % kinds}") for at in range(number)]
        second = [entity(3 * number + at, 3 * number + at + 3, f"{at % kinds}") for at in range(number)]
        return lines(lambda: settle(passages, [first, second]))

    def cost_of_seams(number: int) -> int:
        passages = [Passage("x" * 60, 40 * at) for at in range(number)]
        return lines(lambda: settle(passages, [[entity(p.start, p.start + 9)] for p in passages]))

    assert cost(1600) < 6 * cost(400)
    assert cost_of_seams(400) < 5 * cost_of_seams(100)
