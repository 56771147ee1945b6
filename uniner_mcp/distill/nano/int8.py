"""Int8 export of encoders, with answers close to those of the float model.

Dynamic int8 uses one range for all inputs of a matrix product, and a few large channels take up most of it. So each
channel is divided, and its row of weights multiplied, by a power of its largest input (SmoothQuant, Xiao et al. 2023).
The product stays the same, and int8 loses less than half as much as without this step
(tests/distill/nano/test_int8.py).
"""

from __future__ import annotations

import logging
import tempfile
import warnings
from collections.abc import Iterable
from copy import deepcopy
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from uniner_mcp.distill.nano.model import TextTower
from uniner_mcp.onnx import import_onnxruntime

PRODUCTS = ("qkv", "up", "down")
"""Matrix products of a layer whose inputs are smoothed, besides the heads; the inputs of `out` do not need it."""
POWER = 0.7
"""Strength of smoothing: 0 leaves all differences in the inputs, 1 moves all of them to the weights."""

_quantization = import_onnxruntime("onnxruntime.quantization")


class _Evened(nn.Module):
    """A linear layer whose inputs are divided, and whose weights are multiplied, by the same factors."""

    def __init__(self, linear: nn.Linear, by: Tensor) -> None:
        super().__init__()
        self.inverse = nn.Parameter(1 / by)
        self.linear = deepcopy(linear)
        self.linear.weight.data *= by

    def forward(self, inputs: Tensor) -> Tensor:
        return self.linear(inputs * self.inverse)


def evened(tower: TextTower, passages: Iterable[tuple[Tensor, Tensor, Tensor]]) -> TextTower:
    """Return a copy of the tower that computes the same from smoothed inputs.

    passages: pieces (1, tokens, 384), shapes and gaps (1, tokens) of passages used to measure how large inputs become.
    """
    copy = deepcopy(tower).eval()
    places: list[tuple[nn.Module, str]] = [(layer, name) for layer in copy.encoder.layers for name in PRODUCTS]
    places.append((copy, "heads"))
    largest: dict[nn.Module, Tensor] = {}

    def look(linear: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        seen = inputs[0].abs().flatten(0, -2).amax(0)
        largest[linear] = torch.maximum(largest.get(linear, seen), seen)

    hooks = [getattr(layer, name).register_forward_pre_hook(look) for layer, name in places]
    with torch.inference_mode():
        for pieces, shapes, gaps in passages:
            copy(pieces, shapes, gaps, None)
    for hook in hooks:
        hook.remove()
    for layer, name in places:
        linear = getattr(layer, name)
        # A channel that is small on these passages may be large on others, so it is not scaled up further.
        seen = largest[linear].clamp(min=float(largest[linear].median()))
        setattr(layer, name, _Evened(linear, seen**POWER))
    return copy


def write_table(table: Tensor, folder: Path) -> None:
    """Write embeddings of word pieces as int8, with one scale per row."""
    scales = table.abs().amax(1).clamp(min=1e-8) / 127
    np.save(folder / "table.npy", (table / scales[:, None]).round().to(torch.int8).numpy())
    np.save(folder / "table_scale.npy", scales.numpy().astype(np.float32))


def write_int8(module: nn.Module, example: dict[str, Tensor], path: Path) -> None:
    """Export with a variable number of tokens, then quantise the matrix products with weights to int8.

    Weights use 7 bits: on processors without VNNI, 8-bit products of signed and unsigned values may overflow.
    """
    with tempfile.TemporaryDirectory() as folder:
        full = Path(folder) / "full.onnx"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                module.eval(),
                tuple(example.values()),
                str(full),
                input_names=list(example),
                output_names=["vectors"],
                dynamic_axes={name: {1: "tokens"} for name in example},
                opset_version=17,
                dynamo=False,
            )
        # It logs every matrix product that it skips to the root logger.
        logging.disable(logging.WARNING)
        try:
            _quantization.quantize_dynamic(
                full,
                path,
                per_channel=True,
                reduce_range=True,
                weight_type=_quantization.QuantType.QInt8,
                op_types_to_quantize=["MatMul"],
            )
        finally:
            logging.disable(logging.NOTSET)
