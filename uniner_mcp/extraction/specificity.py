"""Which of the requested types are kinds of others, so that the more specific one can be kept."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import permutations

from uniner_mcp.engines.base import Answer
from uniner_mcp.extraction.merging import IsKindOf
from uniner_mcp.types import Relation, relation
from uniner_mcp.types.known import known_relations, normalised

logger = logging.getLogger(__name__)

SURE = 0.8
"""Probability of being a kind of another type from which on a type displaces it (benchmarks/specificity.py)."""
KEPT = 65_536
"""Number of pairs that are kept."""

Pair = tuple[str, str]


class Kinds:
    """Tells which types are kinds of which. A pair of names is looked up once, in a thread, and then kept."""

    def __init__(self) -> None:
        self._kept: dict[Pair, bool] = {}

    async def among(self, answers: Sequence[Sequence[Answer]]) -> IsKindOf:
        """Return a function that knows the pairs of types whose mentions may meet; of others it says no."""
        pairs = {pair for of_passage in answers for pair in meeting(of_passage)}
        kept = {pair: self._kept[pair] for pair in pairs if pair in self._kept}
        if new := pairs - kept.keys():
            found = await asyncio.to_thread(_looked_up, new)
            if len(self._kept) > KEPT:
                self._kept.clear()
            self._kept |= found
            kept |= found
        return lambda specific, general: kept.get((specific, general), False)


def meeting(answers: Iterable[Answer]) -> set[Pair]:
    """Return the pairs of types that have mentions with the same first or last word in one passage (pure)."""
    with_word: defaultdict[tuple[bool, str], set[str]] = defaultdict(set)
    for answer in answers:
        for mention in answer.mentions:
            words = mention.text.split()
            if words:
                with_word[True, words[0]].add(answer.type.name)
                with_word[False, words[-1]].add(answer.type.name)
    return {pair for names in with_word.values() for pair in permutations(names, 2)}


def _looked_up(pairs: Iterable[Pair]) -> dict[Pair, bool]:
    try:
        told = {(a, b): relation(a, b) for a, b in pairs}
        return {pair: one.relation is Relation.KIND_OF and one.probability >= SURE for pair, one in told.items()}
    except Exception as error:
        # The judged pairs alone still tell most of what matters, and the answers are there.
        logger.warning("The encoder of types cannot be loaded (%s): run `uniner-mcp doctor`.", type(error).__name__)
        known = known_relations().relation
        return {(a, b): known(normalised(a), normalised(b)) is Relation.KIND_OF for a, b in pairs}
