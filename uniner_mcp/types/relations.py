"""How any two types are related: from the judged pairs where they tell, otherwise estimated from their names."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from uniner_mcp.types.encoder import TypeEncoder, shipped_encoder
from uniner_mcp.types.files import MODEL
from uniner_mcp.types.known import Known, Relation, read_relations

ORDER = tuple(Relation)
"""The relations in the order of the head's outputs."""
INVERSE = [ORDER.index(relation.inverse) for relation in ORDER]
SURE = 0.6
"""Probability below which a relation is not told; chosen on names that the head was not trained on."""
KEPT = 65_536
"""Number of pairs whose relation is kept."""

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class TypeRelation:
    """How type a is related to type b.

    `relation` is None if the most probable relation is not probable enough to be relied on. `probability` is that of
    the most probable relation; it is 1 for pairs that were judged by hand, and for what follows from them.
    """

    relation: Relation | None
    probability: float


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
        hidden = features(a, b, self._encoder.vector(a), self._encoder.vector(b)) @ up + up_bias
        # Several small networks side by side: (networks, hidden) and (networks, relations).
        logits = np.einsum("nh,nhr->nr", np.maximum(hidden, 0), down) + down_bias
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        mean: Floats = (powers / powers.sum(axis=1, keepdims=True)).mean(axis=0)
        return mean


def normalised(name: str) -> str:
    """Return a type name as the judged pairs spell names."""
    return " ".join(name.replace("_", " ").lower().split())


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
def known_relations() -> Known:
    """Return the judged pairs in the package."""
    return Known(read_relations())


@cache
def _shipped() -> Relations:
    return Relations(known_relations(), shipped_encoder())


def relation(a: str, b: str) -> TypeRelation:
    """Return how entity type a is related to entity type b.

    Args:
        a: Name of a type, such as "novelist".
        b: Name of another type, such as "person".

    Returns:
        The relation, and its probability. The relation is None if it is too uncertain. The first call loads the encoder
            of types, which takes a tenth of a second.
    """
    return _shipped().between(a, b)
