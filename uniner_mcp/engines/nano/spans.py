"""Decoding mentions from the scores of words (pure)."""

from __future__ import annotations

from math import exp, log

import numpy as np
from numpy.typing import NDArray

MAX_WORDS = 30
"""Maximum length of a mention in words: limits the search; no data set has longer mentions worth finding."""

Span = tuple[int, int, float]
"""First word, last word (inclusive), confidence."""


def read_spans(scores: NDArray[np.float32], threshold: float) -> list[Span]:
    """Return the best non-overlapping spans for one type, in reading order.

    scores: (words, 3) probabilities of start, end, inside. A span is a candidate if its start, its end and every word
    inside reach `threshold`; its confidence is the mean of the three scores, where the inside score is the mean over
    its words. Of overlapping candidates, the most confident one is kept, or the longer one if they are equal.
    """
    inside = scores[:, 2]
    total = np.concatenate([[0.0], np.cumsum(inside)])
    ends = scores[:, 1] >= threshold
    candidates: list[Span] = []
    for first in np.flatnonzero((scores[:, 0] >= threshold) & (inside >= threshold)).tolist():
        for last in range(first, min(first + MAX_WORDS, len(scores))):
            if inside[last] < threshold:
                break
            if ends[last]:
                within = (total[last + 1] - total[first]) / (last + 1 - first)
                candidates.append((first, last, float((scores[first, 0] + scores[last, 1] + within) / 3)))
    candidates.sort(key=lambda span: (-span[2], span[0] - span[1], span[0]))
    taken = np.zeros(len(scores), dtype=bool)
    chosen: list[Span] = []
    for first, last, confidence in candidates:
        if not taken[first : last + 1].any():
            taken[first : last + 1] = True
            chosen.append((first, last, confidence))
    return sorted(chosen)


def calibrated(score: float, slope: float, shift: float) -> float:
    """Return the share of mentions with this score that are correct, fitted on development passages (Platt scaling)."""
    inner = min(max(score, 1e-6), 1 - 1e-6)
    return 1 / (1 + exp(-(slope * log(inner / (1 - inner)) + shift)))
