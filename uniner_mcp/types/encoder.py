"""Sentence vectors of type names, by the frozen encoder that ships with the package; vectors are kept."""

from __future__ import annotations

import threading
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from uniner_mcp.onnx import Session, open_session
from uniner_mcp.tokenizer import load_tokenizer
from uniner_mcp.types.files import MODEL

WIDTH = 384
MAX_PIECES = 256
"""Positions of the encoder, including [CLS] and [SEP]: enough for a name and a definition."""
KEPT = 8192
"""Number of vectors that are kept (1.5 kB each)."""

Floats = NDArray[np.float32]


class Table:
    """Embeddings of word pieces in int8, with one scale per row."""

    def __init__(self, folder: Path) -> None:
        self._rows: NDArray[np.int8] = np.load(folder / "table.npy", mmap_mode="r")
        self._scale: Floats = np.load(folder / "table_scale.npy")

    def embed(self, ids: list[int]) -> Floats:
        """Return the embeddings of word pieces, (1, pieces, 384)."""
        chosen = np.asarray(ids)
        return (self._rows[chosen] * self._scale[chosen, None])[None].astype(np.float32)


class TypeEncoder:
    """Maps wordings of types to unit vectors. Calls may run in several threads."""

    def __init__(self, folder: Path = MODEL) -> None:
        self._tokenizer = load_tokenizer(folder / "tokenizer.json")
        self._table = Table(folder)
        self._session: Session = open_session(folder / "encoder.onnx", threads=1)
        self.vector = lru_cache(KEPT)(self._vector)

    def _vector(self, wording: str) -> Floats:
        """Return the vector of one wording, (384,). Wordings are encoded one by one, so that none affects another."""
        ids = self._tokenizer.encode(wording).ids
        # Only reached in scripts in which every letter is several pieces: requests limit the length of types.
        ids = ids if len(ids) <= MAX_PIECES else [*ids[: MAX_PIECES - 1], ids[-1]]
        vector: Floats = self._session.run(None, {"pieces": self._table.embed(ids)})[0][0]
        return vector


_opening = threading.Lock()


def shipped_encoder() -> TypeEncoder:
    """Return the encoder in the package, opened once per process."""
    with _opening:
        return _opened()


@cache
def _opened() -> TypeEncoder:
    return TypeEncoder()
