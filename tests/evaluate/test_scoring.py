from __future__ import annotations

import pytest

from uniner_mcp.evaluate.scoring import Counts, count, normalise


@pytest.mark.parametrize(
    ("mention", "plain"),
    [("The  U.S. Army", "us army"), ("A Tale of an Era", "tale of era"), ("Athens", "athens"), ("the", ""),
     ("l’Œuvre", "l’œuvre"), ("state-of-the-art", "stateoftheart")],
)  # fmt: skip
def test_mentions_are_normalised_as_in_the_reference(mention: str, plain: str) -> None:
    assert normalise(mention) == plain


def test_repeated_mentions_count_once_and_articles_do_not_matter() -> None:
    assert count(["The Nile", "Nile", "Po"], ["nile", "Rhine"]) == Counts(correct=1, predicted=2, gold=2)


def test_f1_is_micro_over_all_rows() -> None:
    total = count(["a b"], ["a b"]) + count(["c"], []) + count([], ["d"])
    assert (total.precision, total.recall, total.f1) == (0.5, 0.5, 0.5)


def test_nothing_at_all_scores_zero() -> None:
    assert (Counts().precision, Counts().recall, Counts().f1) == (0, 0, 0)
