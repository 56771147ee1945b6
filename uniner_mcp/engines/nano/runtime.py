"""Inference with the span student: the text encoder, and the types' vectors in its space."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from uniner_mcp.engines.nano.manifest import Manifest
from uniner_mcp.engines.nano.spans import Scores, calibrated, no_scores, read_spans
from uniner_mcp.engines.nano.words import Pieces, split_words
from uniner_mcp.onnx import open_session
from uniner_mcp.tokenizer import load_tokenizer
from uniner_mcp.types.encoder import WIDTH, Table, shipped_encoder

MAX_PIECES = 512
"""Positions of the encoder, including [CLS] and [SEP]."""
ROLES = 3
"""Roles of a word in a mention: start, end, inside."""
LINK = 64
"""Width of the vectors that pair the first and the last word of a mention."""
KEPT_TYPES = 4096
"""Number of types whose vectors are kept (4.6 kB each)."""

Floats = NDArray[np.float32]


class NanoRuntime:
    """The loaded student. Calls are independent and may run in several threads."""

    def __init__(self, folder: Path, manifest: Manifest, threads: int) -> None:
        self._manifest = manifest
        self._tokenizer = load_tokenizer(folder / "tokenizer.json")
        self._table = Table(folder)
        self._text = open_session(folder / "text.onnx", threads)
        self._encoder = shipped_encoder()
        self._roles: Floats = np.load(folder / "roles.npy").astype(np.float32)
        self._scale = np.asarray(manifest.scale, dtype=np.float32)
        self._bias = np.asarray(manifest.bias, dtype=np.float32)
        self.type_vector = lru_cache(KEPT_TYPES)(self._type_vector)

    def read(self, text: str, wordings: list[str]) -> list[list[tuple[int, int, float]]]:
        """Return spans `(start, end, confidence)` for each wording, in characters. Encodes `text` once."""
        scores = self.scores(text, wordings)
        slope, shift = self._manifest.calibration
        found: list[list[tuple[int, int, float]]] = []
        for number in range(len(wordings)):
            spans = read_spans(scores, number, self._manifest.threshold)
            found.append(
                [
                    (scores.words[first][0], scores.words[last][1], calibrated(raw, slope, shift))
                    for first, last, raw in spans
                ]
            )
        return found

    def scores(self, text: str, wordings: list[str]) -> Scores:
        """Return the scores of each word, and of each pair of words."""
        pieces = split_words(self._tokenizer, text)
        count = len(pieces.first)
        if not count or not wordings:
            return no_scores(pieces, len(wordings))
        words = self._word_vectors(pieces)
        roles = _unit(words[:, : ROLES * WIDTH].reshape(count, ROLES, WIDTH))
        pairs = _unit(words[:, ROLES * WIDTH :].reshape(count, 2, LINK))
        types = np.stack([self.type_vector(wording) for wording in wordings])
        cosine = np.einsum("wrd,trd->twr", roles, types)
        link_scale, link_bias = self._manifest.link
        link = _probability(pairs[:, 0] @ pairs[:, 1].T * link_scale + link_bias)
        return Scores(pieces.spans, _probability(cosine * self._scale + self._bias), link, np.asarray(pieces.breaks))

    def _word_vectors(self, pieces: Pieces) -> Floats:
        """Return vectors (words, 3 * 384 + 2 * 64). A passage too long for the encoder is encoded in several parts."""
        cls, sep, inner = pieces.ids[0], pieces.ids[-1], MAX_PIECES - 2
        bounds = [*pieces.first, len(pieces.ids) - 1]
        parts: list[Floats] = []
        begin = pieces.first[0]
        while begin < bounds[-1]:
            end = max((bound for bound in bounds if begin < bound <= begin + inner), default=begin + inner)
            inputs = {
                "pieces": self._table.embed([cls, *pieces.ids[begin:end], sep]),
                "shapes": np.asarray([[0, *pieces.shapes[begin:end], 0]]),
                "gaps": np.asarray([[0, *pieces.gaps[begin:end], 0]]),
            }
            parts.append(self._text.run(None, inputs)[0][0, 1:-1])
            begin = end
        offsets = np.asarray(pieces.first) - pieces.first[0]
        # The mean of a word's pieces and their sum have the same direction, and only the direction counts.
        words: Floats = np.add.reduceat(np.concatenate(parts), offsets, axis=0)
        return words

    def _type_vector(self, wording: str) -> Floats:
        """Return unit vectors (3, 384) of one type."""
        return _unit(np.einsum("d,rde->re", self._encoder.vector(wording), self._roles))


def _unit(vectors: Floats) -> Floats:
    """Return the vectors with length 1; zeros stay zeros."""
    unit: Floats = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True).clip(min=1e-12)
    return unit


def _probability(logits: Floats) -> Floats:
    return (1 / (1 + np.exp(-logits))).astype(np.float32)
