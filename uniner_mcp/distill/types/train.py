"""Export the encoder of types, and train the head that tells how two types are related."""

from __future__ import annotations

import random
import shutil
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path

import numpy as np
import orjson
import torch
from pydantic import JsonValue
from torch import Tensor, nn
from torch.nn import functional

from uniner_mcp.distill.nano.int8 import write_int8, write_table
from uniner_mcp.distill.nano.model import Encoder, load_bert, sentence_vectors
from uniner_mcp.distill.nano.validation import TRAINED_ON
from uniner_mcp.formats.documents import Document
from uniner_mcp.formats.reading.datasets import DataSet
from uniner_mcp.types.encoder import MAX_PIECES, TypeEncoder
from uniner_mcp.types.known import Known, Relation, read_relations
from uniner_mcp.types.relations import INVERSE, ORDER, SURE, features

NETWORKS = 4
"""Number of small networks whose probabilities are averaged."""
HIDDEN = 64
EPOCHS = 30
DERIVED = 6000
"""Number of disjoint pairs that are drawn from those that follow from the judged ones."""
DERIVED_WEIGHT = 0.5
"""Weight of a pair that follows from others, or from the labels of mentions, against a judged one."""
FEWEST_MENTIONS = 3
FOLDS = 5
"""Parts into which names are divided to measure the head on names that it was not trained on."""

Pair = tuple[str, str, Relation]


class _Sentence(nn.Module):
    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, pieces: Tensor) -> Tensor:
        return sentence_vectors(self.encoder, pieces, torch.ones(pieces.shape[:2], dtype=pieces.dtype))


@dataclass(frozen=True)
class Head:
    """The weights of the networks: up (features, networks, hidden), down (networks, hidden, relations)."""

    up: Tensor
    up_bias: Tensor
    down: Tensor
    down_bias: Tensor


def export_types(start: Path, data: Path, out: Path) -> dict[str, JsonValue]:
    """Write the encoder in folder `start` to `out` in int8, with the head for relations; return a report on it.

    data: folder with synthetic_open, whose mentions with two labels are used in addition to the judged pairs.
    """
    out.mkdir(parents=True, exist_ok=True)
    table, encoder = load_bert(start)
    encoder.position = nn.Parameter(encoder.position[:MAX_PIECES])
    write_table(table, out)
    write_int8(_Sentence(encoder.eval()), {"pieces": torch.zeros(1, 8, table.shape[1])}, out / "encoder.onnx")
    shutil.copyfile(start / "tokenizer.json", out / "tokenizer.json")
    return train_head(data, out)


def train_head(data: Path, out: Path) -> dict[str, JsonValue]:
    """Train the head on vectors of the encoder in `out`, and write it there, with the report that is returned."""
    pairs, labelled = read_relations(), double_labelled(DataSet(TRAINED_ON, data / TRAINED_ON).split("train"))
    vectors = _Vectors(TypeEncoder(out))
    report = measured(pairs, labelled, vectors)
    head = fit(pairs, labelled, vectors, seed=0)
    np.savez_compressed(
        out / "relations.npz",
        up=head.up.numpy().astype(np.float16),
        up_bias=head.up_bias.numpy().astype(np.float16),
        down=head.down.numpy().astype(np.float16),
        down_bias=head.down_bias.numpy().astype(np.float16),
    )
    (out / "relations.json").write_bytes(orjson.dumps(report, option=orjson.OPT_INDENT_2) + b"\n")
    return report


def double_labelled(documents: Iterable[Document]) -> list[Pair]:
    """Return pairs of types of which annotators gave the second one to every mention of the first, but not vice versa.

    Only passages in which both were annotated count, and at least three mentions.
    """
    mentions, shared = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for document in documents:
        spans: defaultdict[str, set[tuple[int, int]]] = defaultdict(set)
        for one in document.entities:
            spans[one.type].add((one.start, one.end))
        for a, b in permutations(sorted(spans), 2):
            mentions[a, b] += len(spans[a])
            shared[a, b] += len(spans[a] & spans[b])
    return [
        (a, b, Relation.KIND_OF)
        for (a, b), number in mentions.items()
        if shared[a, b] == number >= FEWEST_MENTIONS and shared[b, a] < mentions[b, a]
    ]


class _Vectors:
    """Features of pairs, as the head reads them at run time."""

    def __init__(self, encoder: TypeEncoder) -> None:
        self._encoder = encoder

    def __call__(self, pairs: list[tuple[str, str]]) -> Tensor:
        """Return the features of pairs, (pairs, features)."""
        vector = self._encoder.vector
        return torch.from_numpy(np.stack([features(a, b, vector(a), vector(b)) for a, b in pairs]))


def derived(pairs: list[Pair], seed: int) -> list[Pair]:
    """Return pairs that follow from the judged ones: all kinds of kinds, and a sample of kinds of disjoint types."""
    known, rng = Known(pairs), random.Random(seed)
    judged = {(a, b) for a, b, _ in pairs} | {(b, a) for a, b, _ in pairs}
    below: defaultdict[str, list[str]] = defaultdict(list)
    for name in sorted(known.names):
        for above in (name, *sorted(known.broader(name))):
            below[above].append(name)
    found = {(a, b): Relation.KIND_OF for b, kinds in below.items() for a in kinds if a != b}
    apart = [(a, b) for a, b, relation in pairs if relation is Relation.DISJOINT]
    for a, b in rng.choices(apart, k=DERIVED):
        found.setdefault((rng.choice(below[a]), rng.choice(below[b])), Relation.DISJOINT)
    return [(a, b, relation) for (a, b), relation in found.items() if (a, b) not in judged]


def fit(pairs: list[Pair], labelled: list[Pair], vectors: _Vectors, seed: int) -> Head:
    """Train the networks on judged pairs, what follows from them, and pairs from labels, in both directions."""
    torch.manual_seed(seed)
    judged = {(a, b) for a, b, _ in pairs} | {(b, a) for a, b, _ in pairs}
    more = derived(pairs, seed)
    more += [row for row in labelled if row[:2] not in judged]
    rows = [(a, b, relation) for a, b, relation in [*pairs, *more]]
    rows += [(b, a, relation.inverse) for a, b, relation in rows]
    weights = torch.tensor(([1.0] * len(pairs) + [DERIVED_WEIGHT] * len(more)) * 2)
    given, wanted = vectors([(a, b) for a, b, _ in rows]), torch.tensor([ORDER.index(one) for *_, one in rows])
    parts = [_fit_one(given, wanted, weights) for _ in range(NETWORKS)]
    up, up_bias, down, down_bias = (torch.stack(part) for part in zip(*parts, strict=True))
    return Head(up.permute(2, 0, 1), up_bias, down.transpose(1, 2), down_bias)


def _fit_one(given: Tensor, wanted: Tensor, weights: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    first, second = nn.Linear(given.shape[1], HIDDEN), nn.Linear(HIDDEN, len(ORDER))
    network = nn.Sequential(nn.Dropout(0.15), first, nn.ReLU(), nn.Dropout(0.4), second)
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=2e-2)
    steps = EPOCHS * -(-len(given) // 256)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps)
    for _ in range(EPOCHS):
        for chosen in torch.randperm(len(given)).split(256):
            each = functional.cross_entropy(
                network(given[chosen]), wanted[chosen], label_smoothing=0.05, reduction="none"
            )
            optimizer.zero_grad()
            (each * weights[chosen]).mean().backward()
            optimizer.step()
            schedule.step()
    return first.weight.detach(), first.bias.detach(), second.weight.detach(), second.bias.detach()


def probabilities(head: Head, vectors: _Vectors, pairs: list[tuple[str, str]]) -> Tensor:
    """Return the probability of each relation for each pair, (pairs, relations): the mean of both directions."""

    def one_way(given: Tensor) -> Tensor:
        hidden = torch.relu(torch.einsum("pf,fnh->pnh", given, head.up) + head.up_bias)
        return (torch.einsum("pnh,nhr->pnr", hidden, head.down) + head.down_bias).softmax(-1).mean(1)

    return (one_way(vectors(pairs)) + one_way(vectors([(b, a) for a, b in pairs]))[:, INVERSE]) / 2


def measured(pairs: list[Pair], labelled: list[Pair], vectors: _Vectors) -> dict[str, JsonValue]:
    """Return how often the head is right on pairs with a name that it was not trained on, by cross-validation."""
    names = sorted({name for a, b, _ in [*pairs, *labelled] for name in (a, b)})
    random.Random(0).shuffle(names)
    fold = {name: number % FOLDS for number, name in enumerate(names)}
    right, total, told, told_right = Counter[str](), Counter[str](), 0, 0
    kinds, kinds_right = 0, 0
    for number in range(FOLDS):
        test = [row for row in pairs if number in (fold[row[0]], fold[row[1]])]
        rest, labels = (
            [row for row in rows if number not in (fold[row[0]], fold[row[1]])] for rows in (pairs, labelled)
        )
        head = fit(rest, labels, vectors, seed=number)
        best = probabilities(head, vectors, [(a, b) for a, b, _ in test]).max(1)
        for (_, _, relation), probability, chosen in zip(test, best.values, best.indices, strict=True):
            hit = ORDER[int(chosen)] is relation
            total[relation] += 1
            right[relation] += hit
            if probability >= SURE:
                told += 1
                told_right += hit
                if ORDER[int(chosen)] in (Relation.KIND_OF, Relation.INCLUDES):
                    kinds += 1
                    kinds_right += hit
    every = sum(total.values())
    return {
        "pairs": every,
        "accuracy": round(sum(right.values()) / every, 3),
        "by relation": {str(name): round(right[name] / count, 3) for name, count in sorted(total.items())},
        "told": round(told / every, 3),
        "accuracy if told": round(told_right / told, 3),
        "accuracy if told kind-of": round(kinds_right / kinds, 3),
    }
