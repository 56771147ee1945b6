"""Scores: the paper's, over normalised strings per type (as in the reference implementation), and scores over spans."""

from __future__ import annotations

import re
import string
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from uniner_mcp.formats.reading.reference import reference_mentions

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalise(mention: str) -> str:
    """Apply SQuAD normalisation: lower case, no ASCII punctuation, no articles, single spaces."""
    return " ".join(_ARTICLES.sub(" ", mention.lower().translate(_PUNCTUATION)).split())


@dataclass(frozen=True, slots=True)
class Counts:
    """True positives (halves for partial matches), predictions and gold mentions. Add up rows, then read `f1`."""

    correct: float = 0
    predicted: int = 0
    gold: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.correct + other.correct, self.predicted + other.predicted, self.gold + other.gold)

    @property
    def precision(self) -> float:
        """Share of predictions that are correct, 0 to 1."""
        return self.correct / self.predicted if self.predicted else 0.0

    @property
    def recall(self) -> float:
        """Share of gold mentions that were found, 0 to 1."""
        return self.correct / self.gold if self.gold else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall, 0 to 1."""
        return 2 * self.correct / (self.predicted + self.gold) if self.predicted + self.gold else 0.0


def count(gold: Iterable[str], predicted: Iterable[str]) -> Counts:
    """Return the counts for one question: both sides are normalised and deduplicated."""
    wanted, found = {normalise(mention) for mention in gold}, {normalise(mention) for mention in predicted}
    return Counts(len(wanted & found), len(found), len(wanted))


def count_reference(gold: str, written: str) -> Counts:
    """Return the counts for one row, as in the reference: `gold` is parsed as strictly as the answer."""
    return count(reference_mentions(gold), reference_mentions(written))


Span = tuple[int, int]


def count_spans(gold: Collection[Span], predicted: Collection[Span]) -> Counts:
    """Return the counts for one question, where only exact offsets are correct."""
    return Counts(len(set(gold) & set(predicted)), len(set(predicted)), len(set(gold)))


def count_partial(gold: Collection[Span], predicted: Collection[Span]) -> Counts:
    """Return the counts for one question, where overlapping spans count half (the paper's table 5), each once."""
    exact = set(gold) & set(predicted)
    left = sorted(set(gold) - exact)
    halves = 0
    for start, end in sorted(set(predicted) - exact):
        over = next((span for span in left if span[0] < end and start < span[1]), None)
        if over is not None:
            left.remove(over)
            halves += 1
    return Counts(len(exact) + halves / 2, len(set(predicted)), len(set(gold)))


def bootstrap(
    passages: Sequence[Counts], *, draws: int = 1000, level: float = 0.95, seed: int = 0
) -> tuple[float, float]:
    """Return a bootstrap percentile interval of F1 (0 to 1), resampling passages with replacement."""
    if not passages:
        return 0.0, 0.0
    rows = np.array([(one.correct, one.predicted, one.gold) for one in passages], dtype=float)
    rng = np.random.default_rng(seed)
    sums = np.stack([rows[rng.integers(len(rows), size=len(rows))].sum(0) for _ in range(draws)])
    both = sums[:, 1] + sums[:, 2]
    f1 = np.divide(2 * sums[:, 0], both, out=np.zeros(draws), where=both > 0)
    low, high = np.quantile(f1, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
