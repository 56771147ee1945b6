from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from steps import Text, lines

from uniner_mcp.engines.teacher.redaction import redact
from uniner_mcp.engines.teacher.repeats import SHORTEST, Span, repeats


def plainly(text: str, values: list[Span]) -> dict[int, int]:
    """What `repeats` promises, in the plainest words: the ends of the longest values, by their starts."""
    wanted = {text[start:end] for start, end in values}
    found = ((start, end) for start in range(len(text)) for end in range(start, len(text) + 1))
    return dict(sorted(span for span in found if text[slice(*span)] in wanted))


@given(st.text("ab", min_size=SHORTEST, max_size=60), st.data())
def test_the_longest_value_is_found_wherever_it_begins(text: str, data: st.DataObject) -> None:
    starts = st.integers(0, len(text) - SHORTEST)
    spans = starts.flatmap(lambda start: st.tuples(st.just(start), st.integers(start + SHORTEST, len(text))))
    values = data.draw(st.lists(spans, max_size=12))
    found = {start: (start + end - begin, text[begin:end]) for start, (begin, end) in repeats(text, values)}
    assert {start: end for start, (end, _) in found.items()} == plainly(text, values)
    assert all(text.startswith(value, start) for start, (_, value) in found.items())


def test_without_values_nothing_is_found() -> None:
    assert list(repeats("anything at all", [])) == []


@pytest.mark.parametrize(
    ("each", "rest"),
    [
        pytest.param(lambda number: "password=" + "x" * (8 + number), "x", id="prefixes of each other"),
        pytest.param(lambda number: "password=" + "ab" * (4 + number), "ab", id="prefixes that overlap themselves"),
        pytest.param(lambda number: "password=" + "y" * 600 + str(number), "y", id="long ones that begin alike"),
        pytest.param(lambda number: f"password=secret{number}", "secret", id="short ones"),
    ],
)  # fmt: skip
def test_the_cost_of_redaction_grows_with_the_text_only(each: Callable[[int], str], rest: str) -> None:
    def cost(number: int) -> float:
        text = Text(" ".join(map(each, range(number))) + rest * number)
        spent = lines(lambda: redact(text, ["key"]))
        return (spent + text.copied) / len(text)

    assert cost(160) < 1.5 * cost(40)
