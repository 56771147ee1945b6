"""The paper's score: micro F1 over normalised strings per type (UniversalNER, evaluation code of the reference)."""

from __future__ import annotations

import re
import string
from collections.abc import Iterable
from dataclasses import dataclass

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalise(mention: str) -> str:
    """SQuAD normalisation: lower case, no ASCII punctuation, no articles, single spaces."""
    return " ".join(_ARTICLES.sub(" ", mention.lower().translate(_PUNCTUATION)).split())


@dataclass(frozen=True, slots=True)
class Counts:
    """True positives, predictions and gold mentions; add them up over rows, then read `f1`."""

    correct: int = 0
    predicted: int = 0
    gold: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.correct + other.correct, self.predicted + other.predicted, self.gold + other.gold)

    @property
    def precision(self) -> float:
        """Correct among predicted, 0 to 1."""
        return self.correct / self.predicted if self.predicted else 0.0

    @property
    def recall(self) -> float:
        """Correct among gold, 0 to 1."""
        return self.correct / self.gold if self.gold else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall, 0 to 1."""
        return 2 * self.correct / (self.predicted + self.gold) if self.predicted + self.gold else 0.0


def count(gold: Iterable[str], predicted: Iterable[str]) -> Counts:
    """Counts for one question: both sides normalised and de-duplicated."""
    wanted, found = {normalise(mention) for mention in gold}, {normalise(mention) for mention in predicted}
    return Counts(len(wanted & found), len(found), len(wanted))
