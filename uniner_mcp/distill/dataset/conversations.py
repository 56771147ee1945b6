"""Build training conversations from labelled passages, with negatives (UniversalNER, arXiv 2308.03279, section 3.2)."""

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
"""The reply of the model to the text, the same as in `prompts/uniner.txt`."""
_TRIES = 500
"""Draws per negative, after which a passage gets fewer negatives, because it has nearly all types."""


class Sampler:
    """Samples negative types for a passage, without repetition; the same seed and passage give the same types."""

    def __init__(self, counts: Counter[str], how: Negatives, ratio: float, seed: int) -> None:
        """counts: how often each type occurs; ratio: negatives per type that the passage has."""
        self._names = sorted(counts)
        weights = [counts[name] if how == "frequency" else 1 for name in self._names]
        self._cumulated = list(accumulate(weights))
        self._ratio = 0.0 if how == "none" else ratio
        self._seed = seed

    def draw(self, passage: Labelled) -> list[str]:
        """Return types that the passage does not have: `ratio` times as many as it has, rounded at random."""
        rng = random.Random(f"{self._seed}-{passage.id}")
        wanted = len(passage.mentions) * self._ratio
        wanted = int(wanted) + (rng.random() < wanted - int(wanted))
        drawn: dict[str, None] = {}
        for _ in range(wanted * _TRIES):
            if len(drawn) == wanted:
                break
            (name,) = rng.choices(self._names, cum_weights=self._cumulated)
            if name not in passage.mentions:
                drawn[name] = None
        return list(drawn)


def conversation(passage: Labelled, negatives: Sequence[str], seed: int, dataset: str | None = None) -> dict[str, Any]:
    """Return a row in the reference implementation's format: the text, then a question per type, in random order.

    dataset: a name to put before the text, as in the format for supervised sets.
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
    """Yield a row for each passage."""
    for passage in passages:
        yield conversation(passage, sampler.draw(passage), seed, dataset)
