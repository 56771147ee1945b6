"""Labelled passages as training conversations, with negative samples (UniversalNER, arXiv 2308.03279, section 3.2)."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Any

from uniner_mcp.distill.dataset.annotations import Labelled
from uniner_mcp.distill.recipe import Negatives

ACKNOWLEDGED = "I've read this text."
"""What the model says to the text; `prompts/uniner.txt` has the same words."""
_TRIES = 500
"""Draws for one negative, after which a passage goes with fewer: it has nearly all types."""


class Sampler:
    """Draws negative types for a passage: without repetition, and the same ones for the same seed and passage."""

    def __init__(self, counts: Counter[str], how: Negatives, ratio: float, seed: int) -> None:
        """`counts`: how often each type occurs; `ratio`: negatives for each type that the passage has."""
        self._names = sorted(counts)
        weights = [counts[name] if how == "frequency" else 1 for name in self._names]
        self._cumulated = list(accumulate(weights))
        self._ratio = 0.0 if how == "none" else ratio
        self._seed = seed

    def draw(self, passage: Labelled) -> list[str]:
        """Types that the passage does not have: `ratio` times as many as it has, rounded by lot."""
        lot = random.Random(f"{self._seed}-{passage.id}")
        wanted = len(passage.mentions) * self._ratio
        wanted = int(wanted) + (lot.random() < wanted - int(wanted))
        drawn: dict[str, None] = {}
        for _ in range(wanted * _TRIES):
            if len(drawn) == wanted:
                break
            (name,) = lot.choices(self._names, cum_weights=self._cumulated)
            if name not in passage.mentions:
                drawn[name] = None
        return list(drawn)


def conversation(passage: Labelled, negatives: Sequence[str], seed: int, dataset: str | None = None) -> dict[str, Any]:
    """A row in the reference implementation's form: the text, then a question for each type, in an order by lot.

    dataset: its name comes before the text, in the form for supervised sets.
    """
    answers = {kind: list(found) for kind, found in passage.mentions.items()} | {kind: [] for kind in negatives}
    kinds = list(answers)
    random.Random(f"{seed}-{passage.id}-order").shuffle(kinds)
    text = f"Text: {passage.text}" if dataset is None else f"Dataset: {dataset}\nText: {passage.text}"
    turns = [("human", text), ("gpt", ACKNOWLEDGED)]
    for kind in kinds:
        turns.append(("human", f"What describes {kind} in the text?"))
        turns.append(("gpt", json.dumps(answers[kind], ensure_ascii=False)))
    return {"id": passage.id, "conversations": [{"from": speaker, "value": value} for speaker, value in turns]}


def conversations(
    passages: Iterable[Labelled], sampler: Sampler, seed: int, dataset: str | None = None
) -> Iterator[dict[str, Any]]:
    """A row for each passage."""
    for passage in passages:
        yield conversation(passage, sampler.draw(passage), seed, dataset)
