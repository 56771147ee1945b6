"""Inference with the span student: ONNX sessions, the shared embedding table, and cached vectors of types."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from uniner_mcp.engines.nano.manifest import Manifest
from uniner_mcp.engines.nano.onnx import import_onnxruntime
from uniner_mcp.engines.nano.spans import calibrated, read_spans
from uniner_mcp.engines.nano.words import Pieces, load_tokenizer, split_words

MAX_PIECES = 512
"""Positions of the encoder, including [CLS] and [SEP]."""
KEPT_TYPES = 4096
"""Number of types whose vectors are cached (4.6 kB each)."""

Floats = NDArray[np.float32]

_onnxruntime = import_onnxruntime()


class NanoRuntime:
    """The loaded student. Calls are independent and may run in several threads."""

    def __init__(self, folder: Path, manifest: Manifest, threads: int) -> None:
        self._manifest = manifest
        self._tokenizer = load_tokenizer(folder / "tokenizer.json")
        self._table: NDArray[np.int8] = np.load(folder / "table.npy", mmap_mode="r")
        self._table_scale: Floats = np.load(folder / "table_scale.npy")
        self._text = _session(folder / "text.onnx", threads)
        self._types = _session(folder / "types.onnx", threads)
        self._scale = np.asarray(manifest.scale, dtype=np.float32)
        self._bias = np.asarray(manifest.bias, dtype=np.float32)
        self.type_vector = lru_cache(KEPT_TYPES)(self._type_vector)

    def read(self, text: str, wordings: list[str]) -> list[list[tuple[int, int, float]]]:
        """Return spans `(start, end, confidence)` for each wording, in characters. Encodes `text` once."""
        words, scores = self.scores(text, wordings)
        slope, shift = self._manifest.calibration
        found: list[list[tuple[int, int, float]]] = []
        for one in scores:
            spans = read_spans(one, self._manifest.threshold)
            found.append(
                [(words[first][0], words[last][1], calibrated(raw, slope, shift)) for first, last, raw in spans]
            )
        return found

    def scores(self, text: str, wordings: list[str]) -> tuple[list[tuple[int, int]], Floats]:
        """Return the characters of each word, and the probabilities of start, end and inside (wordings, words, 3)."""
        pieces = split_words(self._tokenizer, text)
        if not pieces.first or not wordings:
            return pieces.spans, np.zeros((len(wordings), len(pieces.first), 3), dtype=np.float32)
        words = self._word_vectors(pieces)
        types = np.stack([self.type_vector(wording) for wording in wordings])
        cosine = np.einsum("wrd,trd->twr", words, types)
        return pieces.spans, 1 / (1 + np.exp(-(cosine * self._scale + self._bias)))

    def _embed(self, ids: list[int]) -> Floats:
        chosen = np.asarray(ids)
        return (self._table[chosen] * self._table_scale[chosen, None])[None].astype(np.float32)

    def _word_vectors(self, pieces: Pieces) -> Floats:
        """Return unit vectors (words, 3, 384). A passage too long for the encoder is encoded in several parts."""
        cls, sep, inner = pieces.ids[0], pieces.ids[-1], MAX_PIECES - 2
        bounds = [*pieces.first, len(pieces.ids) - 1]
        parts: list[Floats] = []
        begin = pieces.first[0]
        while begin < bounds[-1]:
            end = max((bound for bound in bounds if begin < bound <= begin + inner), default=begin + inner)
            ids = [cls, *pieces.ids[begin:end], sep]
            shapes = [0, *pieces.shapes[begin:end], 0]
            outputs = self._text.run(None, {"pieces": self._embed(ids), "shapes": np.asarray([shapes])})
            parts.append(outputs[0][0, 1:-1])
            begin = end
        vectors = np.concatenate(parts)
        offsets = np.asarray(pieces.first) - pieces.first[0]
        # The mean of a word's pieces and their sum have the same direction, and only the direction counts.
        words: Floats = np.add.reduceat(vectors, offsets, axis=0)
        return words / np.linalg.norm(words, axis=-1, keepdims=True).clip(min=1e-12)

    def _type_vector(self, wording: str) -> Floats:
        """Return unit vectors (3, 384) of one type. Types are encoded one by one, so that none affects another."""
        ids = self._tokenizer.encode(wording).ids
        # Only reached in scripts in which every letter is several pieces: requests limit the length of types.
        ids = ids if len(ids) <= MAX_PIECES else [*ids[: MAX_PIECES - 1], ids[-1]]
        outputs = self._types.run(None, {"pieces": self._embed(ids)})
        return outputs[0]


class _Session(Protocol):
    """The part of onnxruntime's session that is used; the library has no type stubs."""

    def run(self, output_names: None, input_feed: dict[str, NDArray[Any]]) -> list[Any]: ...


def _session(path: Path, threads: int) -> _Session:
    options = _onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # A waiting session must not occupy a core, and memory should be freed after a long passage.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.enable_cpu_mem_arena = False
    return _onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
