"""Batches of training passages: vectors of their types, gold spans in words, and padded tensors."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from uniner_mcp.distill.nano.data import Item
from uniner_mcp.distill.nano.model import ROLES, WIDTH, Encoder, sentence_vectors
from uniner_mcp.engines.nano.spans import MAX_WORDS
from uniner_mcp.engines.nano.words import Pieces, split_words
from uniner_mcp.tokenizer import load_tokenizer

MAX_PIECES = 256
"""Longer training passages are left out (less than 1 % of them)."""


class TypeVectors:
    """Frozen sentence vectors of every wording, computed once."""

    def __init__(self, table: Tensor, encoder: Encoder, tokenizer_path: Path) -> None:
        self._table = table
        self._encoder = encoder.eval()
        self._tokenizer = load_tokenizer(tokenizer_path)
        self._known: dict[str, Tensor] = {}

    def add(self, texts: list[str]) -> None:
        """Compute the vectors of texts not yet known, in batches of similar length."""
        encoded = {text: self._tokenizer.encode(text).ids for text in set(texts) - self._known.keys()}
        ordered = sorted(encoded, key=lambda text: len(encoded[text]))
        for begin in range(0, len(ordered), 128):
            batch = ordered[begin : begin + 128]
            ids = torch.nn.utils.rnn.pad_sequence([torch.tensor(encoded[text]) for text in batch], batch_first=True)
            with torch.inference_mode():
                vectors = sentence_vectors(self._encoder, self._table[ids], (ids != 0).long())
            self._known.update(zip(batch, vectors.clone(), strict=True))

    def __getitem__(self, text: str) -> Tensor:
        """Return the vector of one text."""
        if text not in self._known:
            self.add([text])
        return self._known[text]

    def as_lists(self, names: list[str]) -> dict[str, list[float]]:
        """Return the vectors of several texts as lists of numbers."""
        return {name: self[name].tolist() for name in names}


@dataclass(frozen=True, slots=True)
class Prepared:
    """One passage, prepared for a batch: its pieces, its gold spans in words, and those of each asked type.

    `everywhere` tells for each type whether it is known of all words, or only of those in gold spans.
    """

    pieces: Pieces
    spans: list[tuple[int, int]]
    wordings: list[str]
    gold: list[list[tuple[int, int]]]
    everywhere: list[bool]


def prepare(item: Item, pieces: Pieces) -> Prepared:
    """Convert an item's gold mentions to word indices; mentions that do not end at word boundaries are skipped."""
    starts = {start: index for index, (start, _) in enumerate(pieces.spans)}
    ends = {end: index for index, (_, end) in enumerate(pieces.spans)}
    found = [
        (gold.type, (starts[gold.start], ends[gold.end]))
        for gold in item.example.entities
        if gold.start in starts and gold.end in ends
    ]
    return Prepared(
        pieces,
        sorted({span for _, span in found}),
        [asked.wording for asked in item.types],
        [[span for name, span in found if name in asked.names] for asked in item.types],
        [asked.everywhere for asked in item.types],
    )


@dataclass(frozen=True, slots=True)
class Batch:
    """Padded tensors of several passages, on the device that trains.

    `valid` marks the (word, type) pairs that are known, `link_valid` the (first, last) pairs of words of which at least
    one is the first or last word of a mention.
    """

    ids: Tensor
    shapes: Tensor
    gaps: Tensor
    mask: Tensor
    pool: Tensor
    sentences: Tensor
    target: Tensor
    valid: Tensor
    link: Tensor
    link_valid: Tensor


def collate(rows: list[Prepared], vectors: TypeVectors, device: str = "cpu") -> Batch:
    """Pad passages to the same length, and their types to the same number."""
    count_, tokens = len(rows), max(len(row.pieces.ids) for row in rows)
    words, types = max(len(row.pieces.first) for row in rows), max(len(row.wordings) for row in rows)
    ids = torch.zeros(count_, tokens, dtype=torch.long)
    shapes = torch.zeros(count_, tokens, dtype=torch.long)
    gaps = torch.zeros(count_, tokens, dtype=torch.long)
    mask = torch.zeros(count_, tokens)
    pool = torch.zeros(count_, words, tokens)
    sentences = torch.zeros(count_, types, WIDTH)
    target = torch.zeros(count_, words, types, ROLES)
    valid = torch.zeros(count_, words, types)
    link = torch.zeros(count_, words, words)
    link_valid = torch.zeros(count_, words, words)
    for index, row in enumerate(rows):
        length, n_words = len(row.pieces.ids), len(row.pieces.first)
        ids[index, :length] = torch.tensor(row.pieces.ids)
        shapes[index, :length] = torch.tensor(row.pieces.shapes)
        gaps[index, :length] = torch.tensor(row.pieces.gaps)
        mask[index, :length] = 1
        bounds = [*row.pieces.first, length - 1]
        for word in range(n_words):
            pool[index, word, bounds[word] : bounds[word + 1]] = 1 / (bounds[word + 1] - bounds[word])
        for first, last in row.spans:
            link_valid[index, first, first : min(first + MAX_WORDS, n_words)] = 1
            link_valid[index, max(0, last + 1 - MAX_WORDS) : last + 1, last] = 1
            link[index, first, last] = 1
        for number, wording in enumerate(row.wordings):
            sentences[index, number] = vectors[wording]
            if row.everywhere[number]:
                valid[index, :n_words, number] = 1
            else:
                for first, last in row.spans:
                    valid[index, first : last + 1, number] = 1
            for first, last in row.gold[number]:
                target[index, first, number, 0] = 1
                target[index, last, number, 1] = 1
                target[index, first : last + 1, number, 2] = 1
    padded = (ids, shapes, gaps, mask, pool, sentences, target, valid, link, link_valid)
    return Batch(*(tensor.to(device, non_blocking=True) for tensor in padded))


def batches(items: list[Item], tokenizer_path: Path, tokens_per_batch: int, seed: str) -> Iterator[list[Prepared]]:
    """Yield batches of passages of similar length, filled to a token budget, in random order."""
    tokenizer = load_tokenizer(tokenizer_path)
    rows: list[Prepared] = []
    for item in items:
        # A few characters change their length in lower case (İ): a passage that contains one keeps its case.
        text = item.example.text.lower() if item.lowered else item.example.text
        pieces = split_words(tokenizer, text if len(text) == len(item.example.text) else item.example.text)
        if len(pieces.first) > 0 and len(pieces.ids) <= MAX_PIECES:
            rows.append(prepare(item, pieces))
    rows.sort(key=lambda row: len(row.pieces.ids))
    filled: list[list[Prepared]] = [[]]
    for row in rows:
        if filled[-1] and len(row.pieces.ids) * (len(filled[-1]) + 1) > tokens_per_batch:
            filled.append([])
        filled[-1].append(row)
    random.Random(seed).shuffle(filled)
    yield from filled
