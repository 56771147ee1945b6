"""Export a checkpoint as the files that `nano` reads: int8 ONNX, int8 embedding table, manifest, model card."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import orjson
import torch
from torch import Tensor, nn

from uniner_mcp.distill.nano.batching import TypeVectors
from uniner_mcp.distill.nano.card import write_card
from uniner_mcp.distill.nano.int8 import evened, write_int8, write_table
from uniner_mcp.distill.nano.model import NanoModel, TextTower, load_bert
from uniner_mcp.distill.nano.train import scorer_of
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
from uniner_mcp.engines.nano.words import split_words
from uniner_mcp.errors import UninerError
from uniner_mcp.formats.reading.datasets import DataSet
from uniner_mcp.tokenizer import load_tokenizer
from uniner_mcp.types import files

logger = logging.getLogger(__name__)

LARGEST_LOSS = 1.0
"""Points of F1 that int8 may lose against the float model."""
EVENED_ON = 200
"""Number of training passages used to measure how large the inputs of matrix products become."""


BASE = "BAAI/bge-small-en-v1.5, layers 1 to 6 (MIT); types: sentence-transformers/all-MiniLM-L6-v2 (Apache-2.0)"


class TextExport(nn.Module):
    """The text tower for one passage without padding, as it is exported."""

    def __init__(self, tower: TextTower) -> None:
        super().__init__()
        self.tower = tower

    def forward(self, pieces: Tensor, shapes: Tensor, gaps: Tensor) -> Tensor:
        """pieces: (1, tokens, 384); shapes, gaps: (1, tokens). Returns (1, tokens, 3 * 384 + 2 * 64)."""
        return self.tower(pieces, shapes, gaps, None)


def export(run: Path, start: Path, types: Path, data: Path, out: Path) -> None:
    """Write the model of `run` to `out`. Raises UninerError if int8 loses more than a point of F1."""
    checkpoint = run / "weights.pt"
    if not checkpoint.exists():
        raise UninerError(f"There is no checkpoint in {run}: run `uniner-mcp distill train-nano --out {run}` first.")
    state = torch.load(checkpoint, weights_only=True)
    table, tuned = load_bert(start)
    model = NanoModel(tuned)
    model.load_state_dict(state["weights"])
    model.eval()
    out.mkdir(parents=True, exist_ok=True)
    write_table(table, out)
    none = torch.zeros(1, 16, dtype=torch.long)
    inputs = {"pieces": torch.zeros(1, 16, table.shape[1]), "shapes": none, "gaps": none}
    write_int8(TextExport(evened(model.text, _passages(data, start, table))), inputs, out / "text.onnx")
    np.save(out / "roles.npy", model.types.roles.detach().numpy().astype(np.float16))
    # Some are printed with indentation, which takes a quarter of a megabyte.
    (out / "tokenizer.json").write_bytes(orjson.dumps(orjson.loads((start / "tokenizer.json").read_bytes())))
    sets = development_sets(data, start / "tokenizer.json")
    vectors = TypeVectors(*load_bert(types), types / "tokenizer.json")
    by_threshold = f1_of(scorer_of(model, table, vectors, start / "tokenizer.json"), sets)
    threshold = best_threshold(by_threshold)
    as_float = _rounded(by_threshold[threshold])
    manifest = Manifest(
        model=state["name"],
        threshold=threshold,
        scale=_three(model.scale),
        bias=_three(model.bias),
        link=(model.link_scale.item(), model.link_bias.item()),
        sha256={name: file_hash(out / name) for name in FILES},
        types_sha256={name: file_hash(files.MODEL / name) for name in files.FILES},
        base=BASE,
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


def _passages(data: Path, start: Path, table: Tensor) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Yield training passages as inputs of the text tower: pieces (1, tokens, 384), shapes and gaps (1, tokens)."""
    tokenizer = load_tokenizer(start / "tokenizer.json")
    for example in DataSet(TRAINED_ON, data / TRAINED_ON).split("train")[:EVENED_ON]:
        pieces = split_words(tokenizer, example.text)
        if len(pieces.ids) <= MAX_PIECES:
            yield table[torch.tensor([pieces.ids])], torch.tensor([pieces.shapes]), torch.tensor([pieces.gaps])


def _rounded(f1: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 2) for name, value in f1.items()}


def _three(values: Tensor) -> tuple[float, float, float]:
    first, second, third = values.tolist()
    return first, second, third
