"""The weights of a BERT encoder from an ONNX file in dynamic int8."""

from __future__ import annotations

import re
from pathlib import Path

import onnx
import torch
from onnx import numpy_helper
from torch import Tensor

_PRODUCT = re.compile(r"/?(?:bert/)?(encoder/layer\.\d+/.+)/MatMul")
_PLAIN = re.compile(r"(?:embeddings\.LayerNorm|encoder\.layer\.\d+)\S*\.(?:weight|bias)")


def read_int8(path: Path) -> dict[str, Tensor]:
    """Return the weights of the embeddings and layers as float, named as in a BERT checkpoint."""
    graph = onnx.load(str(path)).graph
    values = {value.name: numpy_helper.to_array(value) for value in graph.initializer}

    def as_float(name: str) -> Tensor:
        rounded, zero, scale = (values[f"{name}_{part}"] for part in ("quantized", "zero_point", "scale"))
        return torch.from_numpy((rounded.astype("float32") - zero.astype("float32")) * scale)

    weights = {name: torch.from_numpy(value.copy()) for name, value in values.items() if _PLAIN.fullmatch(name)}
    for kind in ("word", "token_type", "position"):
        name = f"embeddings.{kind}_embeddings.weight"
        weights[name] = as_float(name)
    for node in graph.node:
        product = _PRODUCT.match(node.name) if node.op_type == "MatMulInteger" else None
        if product:
            # ONNX stores the transpose of torch's matrix.
            weights[product[1].replace("/", ".") + ".weight"] = as_float(node.input[1].removesuffix("_quantized")).T
    return weights
