"""How any two types are related: from the judged pairs where they tell, otherwise estimated from their names."""

from __future__ import annotations

from functools import cache, lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from uniner_mcp.types.encoder import TypeEncoder, shipped_encoder
from uniner_mcp.types.files import MODEL
from uniner_mcp.types.known import Known, Relation, TypeRelation, known_relations, normalised

ORDER = tuple(Relation)
"""The relations in the order of the head's outputs."""
INVERSE = [ORDER.index(relation.inverse) for relation in ORDER]
SURE = 0.6
"""Probability below which a relation is not told; chosen on names that the head was not trained on."""
KEPT = 65_536
"""Number of pairs whose relation is kept."""

Floats = NDArray[np.float32]


class Relations:
    """Relations between type names. Calls may run in several threads."""

    def __init__(self, known: Known, encoder: TypeEncoder, folder: Path = MODEL) -> None:
        self._known = known
        self._encoder = encoder
        with np.load(folder / "relations.npz") as head:
            self._layers = [head[name].astype(np.float32) for name in ("up", "up_bias", "down", "down_bias")]
        self.between = lru_cache(KEPT)(self._between)

    def _between(self, a: str, b: str) -> TypeRelation:
        """Return how a is related to b."""
        a, b = normalised(a), normalised(b)
        told = self._known.relation(a, b)
        if told is not None:
            return TypeRelation(told, 1.0)
        probabilities = (self._estimated(a, b) + self._estimated(b, a)[INVERSE]) / 2
        best = int(probabilities.argmax())
        probability = float(probabilities[best])
        return TypeRelation(ORDER[best] if probability >= SURE else None, round(probability, 4))

    def _estimated(self, a: str, b: str) -> Floats:
        up, up_bias, down, down_bias = self._layers
        read = features(a, b, self._encoder.vector(a), self._encoder.vector(b))
        # Several small networks side by side: (networks, hidden) and (networks, relations).
        hidden = np.einsum("f,fnh->nh", read, up) + up_bias
        logits = np.einsum("nh,nhr->nr", np.maximum(hidden, 0), down) + down_bias
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        mean: Floats = (powers / powers.sum(axis=1, keepdims=True)).mean(axis=0)
        return mean


def features(a: str, b: str, vector_a: Floats, vector_b: Floats) -> Floats:
    """Return what the head reads of a pair: products and differences of the vectors, and what words they share."""
    first, second = a.split(), b.split()
    last = bool(first and second) and first[-1] == second[-1]
    shared, every = len({*first} & {*second}), len({*first} | {*second})
    words = (
        last,
        last and len(second) == 1 < len(first),
        last and len(first) == 1 < len(second),
        a.endswith(f" {b}"),
        b.endswith(f" {a}"),
        first[:1] == second[:1],
        shared / max(1, every),
        b in a,
        a in b,
        len(first) / 4,
        len(second) / 4,
        a[-4:] == b[-4:],
    )
    alike = vector_a @ vector_b
    return np.concatenate(
        [vector_a * vector_b * 10, (vector_a - vector_b) * 3, np.asarray([alike, *words], dtype=np.float32)]
    ).astype(np.float32)


@cache
def shipped_relations() -> Relations:
    """Return the relations in the package, loaded once."""
    return Relations(known_relations(), shipped_encoder())
