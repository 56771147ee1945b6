"""Int8 files of the span student that answer like the float model.

Dynamic int8 gives all inputs of a matrix product one range, which a few large channels then use up. So each channel is
divided, and its row of weights multiplied, by a power of its largest input (SmoothQuant, Xiao et al. 2023): the product
stays the same, and int8 loses less than half as much (tests/distill/nano/test_int8.py).
"""

from __future__ import annotations

import logging
import tempfile
import warnings
from collections.abc import Iterable
from copy import deepcopy
from pathlib import Path

import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from torch import Tensor, nn

from uniner_mcp.distill.nano.model import TextTower

PRODUCTS = ("qkv", "up", "down")
"""Matrix products of a layer whose inputs are evened out; those of `out` are even."""
POWER = 0.7
"""0 would leave all to the inputs, 1 all to the weights."""


class _Evened(nn.Module):
    """A linear layer whose inputs are divided, and whose weights are multiplied, by the same."""

    def __init__(self, linear: nn.Linear, by: Tensor) -> None:
        super().__init__()
        self.inverse = nn.Parameter(1 / by)
        self.linear = deepcopy(linear)
        self.linear.weight.data *= by

    def forward(self, inputs: Tensor) -> Tensor:
        return self.linear(inputs * self.inverse)


def evened(tower: TextTower, passages: Iterable[tuple[Tensor, Tensor]]) -> TextTower:
    """A copy of the tower that computes the same from more even inputs.

    passages: pieces (1, tokens, 384) and shapes (1, tokens) of passages that show how large inputs become.
    """
    copy = deepcopy(tower).eval()
    places = [(layer, name) for layer in copy.encoder.layers for name in PRODUCTS]
    largest: dict[nn.Module, Tensor] = {}

    def look(linear: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        seen = inputs[0].abs().flatten(0, -2).amax(0)
        largest[linear] = torch.maximum(largest.get(linear, seen), seen)

    hooks = [getattr(layer, name).register_forward_pre_hook(look) for layer, name in places]
    with torch.inference_mode():
        for pieces, shapes in passages:
            copy(pieces, shapes, None)
    for hook in hooks:
        hook.remove()
    for layer, name in places:
        linear = getattr(layer, name)
        # What was always small on these passages need not be elsewhere: it is not blown up.
        seen = largest[linear].clamp(min=float(largest[linear].median()))
        setattr(layer, name, _Evened(linear, seen**POWER))
    return copy


def write_int8(module: nn.Module, example: dict[str, Tensor], path: Path) -> None:
    """Export with a free number of tokens, then quantise the matrix products of the encoder's layers to int8.

    Weights take 7 bits: on processors without VNNI, 8-bit products of signed and unsigned may overflow.
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
        # It tells the root logger of every product that it passes over.
        logging.disable(logging.WARNING)
        try:
            quantize_dynamic(
                full,
                path,
                per_channel=True,
                reduce_range=True,
                weight_type=QuantType.QInt8,
                op_types_to_quantize=["MatMul"],
            )
        finally:
            logging.disable(logging.NOTSET)
