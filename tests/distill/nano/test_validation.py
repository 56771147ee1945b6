from __future__ import annotations

import numpy as np
import pytest

from uniner_mcp.distill.nano.validation import Scorer, asked_of, best_threshold, calibration_of, f1_of, mean_f1
from uniner_mcp.engines.nano.spans import Scores, calibrated
from uniner_mcp.formats.documents import Document, Span

WORDS = [(0, 3), (4, 8), (9, 12)]
TEXT = "Ada left Rom"


def scorer_of(*firsts: float) -> Scorer:
    """Every type gets one mention a word, of these scores."""

    def score(text: str, asked: list[str]) -> Scores:
        one = np.repeat(np.asarray(firsts, dtype=np.float32)[:, None], 3, axis=1)
        link = np.diag(one[:, 0])
        return Scores(WORDS, np.repeat(one[None], len(asked), axis=0), link, np.zeros(len(WORDS), dtype=np.bool_))

    return score


def test_all_types_of_a_set_are_asked_or_those_that_were_annotated() -> None:
    one = Document("1", TEXT, (Span("Ada", "person", 0, 3),))
    two = Document("2", TEXT, (Span("Rom", "city", 9, 12),), asked=("city", "river"))
    assert [types for _, types in asked_of([one, two])] == [["city", "person"], ["city", "river"]]


def test_f1_by_threshold_without_overlap_and_the_best_over_sets_that_were_not_trained_on() -> None:
    ada, rom = Span("Ada", "person", 0, 3), Span("Rom", "person", 9, 12)
    sets = {"synthetic_open": [Document("1", TEXT, (ada, rom))], "other": [Document("2", TEXT, (ada,))]}
    by_threshold = f1_of(scorer_of(0.9, 0, 0.1), sets, [0.05, 0.5])
    assert by_threshold[0.05] == {"synthetic_open": 100, "other": pytest.approx(200 / 3)}
    assert by_threshold[0.5] == {"synthetic_open": pytest.approx(200 / 3), "other": 100}
    assert best_threshold(by_threshold) == 0.5 and mean_f1(by_threshold[0.5]) == 100
    assert mean_f1({"synthetic_open": 40.0}) == 40


def test_one_set_of_odd_types_does_not_decide_the_threshold() -> None:
    by_threshold = {
        0.1: {"gum": 49.0, "scier": 30.0, "menuner": 50.0},
        0.2: {"gum": 49.5, "scier": 30.1, "menuner": 10.0},
        0.3: {"gum": 49.6, "scier": 29.0, "menuner": 1.0},
    }
    assert best_threshold(by_threshold) == 0.2


@pytest.mark.parametrize("share", [0.2, 0.8])
def test_calibration_turns_a_score_into_the_share_that_is_right(share: float) -> None:
    right = round(50 * share)
    examples = [
        Document(
            str(n), TEXT, (Span("Ada", "person", 0, 3),) if n < right else (Span("Rom", "place", 9, 12),), ("person",)
        )
        for n in range(50)
    ]
    slope, shift = calibration_of(scorer_of(0.6, 0, 0), {"x": examples}, 0.5)
    assert calibrated(0.6, slope, shift) == pytest.approx(share, abs=0.02)
    assert slope > 0 and 0 <= calibrated(0, slope, shift) < calibrated(1, slope, shift) <= 1
