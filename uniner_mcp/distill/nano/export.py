"""Export a checkpoint as the files that `nano` reads: int8 ONNX, int8 embedding table, manifest, model card."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import orjson
import torch
from torch import Tensor, nn

from uniner_mcp.distill.nano.card import write_card
from uniner_mcp.distill.nano.int8 import evened, write_int8
from uniner_mcp.distill.nano.model import Encoder, NanoModel, TextTower, TypeTower, load_bert, sentence_vectors
from uniner_mcp.distill.nano.train import TypeVectors, scorer_of
from uniner_mcp.distill.nano.validation import (
    MAX_PIECES,
    TRAINED_ON,
    best_threshold,
    calibration_of,
    development_sets,
    f1_of,
    mean_f1,
)
from uniner_mcp.engines.nano.manifest import FILES, Manifest, file_hash
from uniner_mcp.engines.nano.runtime import NanoRuntime
from uniner_mcp.engines.nano.words import load_tokenizer, split_words
from uniner_mcp.errors import UninerError
from uniner_mcp.formats.reading.datasets import DataSet

logger = logging.getLogger(__name__)

LARGEST_LOSS = 1.0
"""Points of F1 that int8 may lose against the float model."""
EVENED_ON = 200
"""Number of training passages used to measure how large the inputs of matrix products become."""


class TextExport(nn.Module):
    """The text tower for one passage without padding, as it is exported."""

    def __init__(self, tower: TextTower) -> None:
        super().__init__()
        self.tower = tower

    def forward(self, pieces: Tensor, shapes: Tensor) -> Tensor:
        """pieces: (1, tokens, 384); shapes: (1, tokens). Returns (1, tokens, 3, 384)."""
        return self.tower(pieces, shapes, None)


class _Types(nn.Module):
    def __init__(self, frozen: Encoder, types: TypeTower) -> None:
        super().__init__()
        self.frozen = frozen
        self.types = types

    def forward(self, pieces: Tensor) -> Tensor:
        return self.types(sentence_vectors(self.frozen, pieces, torch.ones(pieces.shape[:2], dtype=pieces.dtype)))[0]


def export(run: Path, start: Path, data: Path, out: Path) -> None:
    """Write the model of `run` to `out`. Raises UninerError if int8 loses more than a point of F1."""
    checkpoint = run / "weights.pt"
    if not checkpoint.exists():
        raise UninerError(f"There is no checkpoint in {run}: run `uniner-mcp distill train-nano --out {run}` first.")
    state = torch.load(checkpoint, weights_only=True)
    table, tuned = load_bert(start)
    model = NanoModel(tuned)
    model.load_state_dict(state["weights"])
    model.eval()
    _, frozen = load_bert(start)
    frozen.eval()
    out.mkdir(parents=True, exist_ok=True)
    scales = table.abs().amax(1).clamp(min=1e-8) / 127
    np.save(out / "table.npy", (table / scales[:, None]).round().to(torch.int8).numpy())
    np.save(out / "table_scale.npy", scales.numpy().astype(np.float32))
    pieces, shapes = torch.zeros(1, 16, table.shape[1]), torch.zeros(1, 16, dtype=torch.long)
    tower = evened(model.text, _passages(data, start, table))
    write_int8(TextExport(tower), {"pieces": pieces, "shapes": shapes}, out / "text.onnx")
    write_int8(_Types(frozen, model.types), {"pieces": pieces}, out / "types.onnx")
    shutil.copyfile(start / "tokenizer.json", out / "tokenizer.json")
    sets = development_sets(data, start / "tokenizer.json")
    vectors = TypeVectors(table, frozen, start / "tokenizer.json")
    by_threshold = f1_of(scorer_of(model, table, vectors, start / "tokenizer.json"), sets)
    threshold = best_threshold(by_threshold)
    as_float = _rounded(by_threshold[threshold])
    manifest = Manifest(
        model="nano-2",
        threshold=threshold,
        scale=_three(model.scale),
        bias=_three(model.bias),
        sha256={name: file_hash(out / name) for name in FILES},
        base="sentence-transformers/all-MiniLM-L6-v2 (Apache-2.0)",
        training=state["config"],
    )
    runtime = NanoRuntime(out, manifest, 2)
    as_int8 = _rounded(f1_of(runtime.scores, sets, [threshold])[threshold])
    loss = mean_f1(as_float) - mean_f1(as_int8)
    logger.info("F1 float %s", as_float)
    logger.info("F1 int8  %s (mean loss %.2f)", as_int8, loss)
    validated = {"float": as_float, "int8": as_int8}
    calibration = calibration_of(runtime.scores, sets, threshold)
    manifest = manifest.model_copy(update={"validation": validated, "calibration": calibration})
    (out / "nano.json").write_bytes(orjson.dumps(manifest.model_dump(), option=orjson.OPT_INDENT_2) + b"\n")
    write_card(out)
    if loss > LARGEST_LOSS:
        raise UninerError(f"int8 loses {loss:.2f} points of F1 against float, more than the allowed {LARGEST_LOSS}.")


def _passages(data: Path, start: Path, table: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield training passages as inputs of the text tower: pieces (1, tokens, 384), shapes (1, tokens)."""
    tokenizer = load_tokenizer(start / "tokenizer.json")
    for example in DataSet(TRAINED_ON, data / TRAINED_ON).split("train")[:EVENED_ON]:
        pieces = split_words(tokenizer, example.text)
        if len(pieces.ids) <= MAX_PIECES:
            yield table[torch.tensor([pieces.ids])], torch.tensor([pieces.shapes])


def _rounded(f1: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 2) for name, value in f1.items()}


def _three(values: Tensor) -> tuple[float, float, float]:
    first, second, third = values.tolist()
    return first, second, third
