"""Decoding mentions from the scores of words (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log

import numpy as np
from numpy.typing import NDArray

from uniner_mcp.engines.nano.words import Pieces

MAX_WORDS = 30
"""Maximum length of a mention in words: limits the search; no data set has longer mentions worth finding."""

Span = tuple[int, int, float]
"""First word, last word (inclusive), confidence."""


@dataclass(frozen=True, slots=True)
class Scores:
    """The student's scores of the words of a passage for several types.

    `words`: the characters of each word. `roles`: probabilities of start, end and inside, (types, words, 3). `link`:
    probabilities that two words are the first and last of one mention, of whatever type, (words, words). `breaks`:
    whether a mention that contains the word must begin with it, (words).
    """

    words: list[tuple[int, int]]
    roles: NDArray[np.float32]
    link: NDArray[np.float32]
    breaks: NDArray[np.bool_]


def no_scores(pieces: Pieces, types: int) -> Scores:
    """Return the scores of a passage of which nothing is read, for a number of types."""
    words = len(pieces.first)
    roles, link = np.zeros((types, words, 3), dtype=np.float32), np.zeros((words, words), dtype=np.float32)
    return Scores(pieces.spans, roles, link, np.asarray(pieces.breaks, dtype=np.bool_))


def read_spans(scores: Scores, number: int, threshold: float) -> list[Span]:
    """Return the best non-overlapping spans for one type, by its number, in reading order.

    A span is a candidate if its start, its end and every word inside reach `threshold`, and no word after the first
    one follows a break. Its confidence is the mean of the scores of start, end, inside (the mean over its words) and
    link. Of overlapping candidates, the most confident one is kept, or the longer one if they are equal.
    """
    roles, link, breaks = scores.roles[number], scores.link, scores.breaks
    inside = roles[:, 2]
    total = np.concatenate([[0.0], np.cumsum(inside)])
    ends = roles[:, 1] >= threshold
    candidates: list[Span] = []
    for first in np.flatnonzero((roles[:, 0] >= threshold) & (inside >= threshold)).tolist():
        for last in range(first, min(first + MAX_WORDS, len(roles))):
            if inside[last] < threshold or (last > first and breaks[last]):
                break
            if ends[last]:
                within = (total[last + 1] - total[first]) / (last + 1 - first)
                score = (roles[first, 0] + roles[last, 1] + within + link[first, last]) / 4
                candidates.append((first, last, float(score)))
    candidates.sort(key=lambda span: (-span[2], span[0] - span[1], span[0]))
    taken = np.zeros(len(roles), dtype=bool)
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
