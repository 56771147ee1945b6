"""A result lists what was asked for, page by page, and nothing is lost or counted twice between pages."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uniner_mcp import Entity, Extraction, RequestError
from uniner_mcp.extraction import views
from uniner_mcp.extraction.views import as_data, as_text, view

NAMES = ["Ada", "Bob", "Ärzte", "北京", 'a "b"\n']


def entity(start: int, size: int, name: str = "Ada", kind: str = "person") -> Entity:
    return Entity(text=name, type=kind, start=start, end=start + size, confidence=0.9876)


def in_order(entities: list[Entity]) -> list[Entity]:
    return sorted(entities, key=lambda one: (one.start, -one.end, one.type))


entities = st.lists(
    st.builds(
        entity, st.integers(0, 400), st.integers(1, 30), st.sampled_from(NAMES), st.sampled_from(["person", "city"])
    ),
    max_size=40,
).map(in_order)


def pages(found: list[Entity], result: str, limit: int, most: int | None) -> list[Extraction]:
    """What a caller gets who goes on at `next_start`; each call finds what begins there or later."""
    all_pages: list[Extraction] = []
    start: int | None = 0
    while start is not None:
        page = view(Extraction(entities=[one for one in found if one.start >= start]), result, limit, most)
        assert page.truncated == (page.next_start is not None)
        assert page.next_start is None or page.next_start > start
        start = page.next_start
        all_pages.append(page)
    return all_pages


@given(entities, st.integers(0, 10), st.none() | st.integers(200, 2000))
def test_pages_of_entities_add_up_to_all_of_them(found: list[Entity], limit: int, most: int | None) -> None:
    assert [one for page in pages(found, "entities", limit, most) for one in page.entities] == found


@given(entities, st.integers(0, 10), st.none() | st.integers(200, 2000))
def test_pages_of_mentions_add_up_to_all_of_them(found: list[Entity], limit: int, most: int | None) -> None:
    counted: Counter[tuple[str, str]] = Counter()
    for page in pages(found, "mentions", limit, most):
        assert page.mentions is not None and not page.entities
        for mention in page.mentions:
            counted[mention.type, mention.text] += mention.count
            assert any((e.start, e.text, e.type) == (mention.start, mention.text, mention.type) for e in found)
    assert counted == Counter((one.type, one.text) for one in found)


@given(entities, st.integers(0, 10), st.integers(200, 2000))
def test_counts_are_complete_whatever_the_limits(found: list[Entity], limit: int, most: int) -> None:
    counted = view(Extraction(entities=found), "counts", limit, most)
    assert counted.counts is not None and not counted.truncated
    assert {one.type: one.entities for one in counted.counts} == Counter(one.type for one in found)
    assert {one.type: one.distinct for one in counted.counts} == Counter(
        kind for kind, _ in {(one.type, one.text) for one in found}
    )


@given(entities, st.sampled_from(["entities", "mentions"]), st.integers(1, 10), st.integers(300, 2000))
def test_a_page_keeps_its_limits_unless_it_has_one_place_only(
    found: list[Entity], result: str, limit: int, most: int
) -> None:
    for page in pages(found, result, limit, most):
        listed = page.entities or page.mentions or ()
        if len({one.start for one in listed}) > 1:
            assert len(listed) <= limit and len(as_text(as_data(page)).encode()) <= most


def test_entities_that_begin_together_stay_together() -> None:
    found = [entity(0, 3), entity(4, 9), entity(4, 3), entity(8, 3)]
    first = view(Extraction(entities=found), limit=2)
    assert first.entities == found[:1] and first.next_start == 4
    second = view(Extraction(entities=found[1:]), limit=1)
    assert second.entities == found[1:3] and second.next_start == 8


def test_the_text_form_is_the_same_json_with_small_facts_first_and_one_item_a_line() -> None:
    found = [entity(10 * number, 3, name) for number, name in enumerate(NAMES)]
    whole = Extraction(entities=found, warnings=["One.", "Two."], ungrounded=2)
    for result, listed in (("entities", 5), ("mentions", 5), ("counts", 1)):
        data = as_data(view(whole, result))
        lines = as_text(data).splitlines()
        assert json.loads(as_text(data)) == data
        assert lines[0] == '{"truncated":false,' and lines[-1] == "]}"
        assert f'"{result}":[' == lines[-listed - 2] and list(data)[-1] == result
        assert [json.loads(line.rstrip(",")) for line in lines[-listed - 1 : -1]] == data[result]
    assert as_text(as_data(Extraction())).endswith('"entities":[]}')


def test_a_form_that_does_not_exist_is_refused_with_the_forms() -> None:
    with pytest.raises(RequestError, match="'mentions'"):
        view(Extraction(), "summary")
    assert view(Extraction(), "") == view(Extraction(), None) == Extraction()


def test_measuring_stops_where_the_page_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    grown: list[int] = []
    growth = views._growth

    def noted(*given: object, **named: object) -> object:
        for new in growth(*given, **named):  # type: ignore[arg-type]
            grown.append(1)
            yield new

    monkeypatch.setattr(views, "_growth", noted)
    page = view(Extraction(entities=[entity(4 * number, 3) for number in range(200_000)]), most_bytes=20_000)
    assert len(grown) == len(page.entities) + 1
