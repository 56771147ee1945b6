"""Where the encoder of types is, for those who need no more than that."""

from __future__ import annotations

from pathlib import Path

MODEL = Path(__file__).with_name("model")
"""The encoder of types, and the head that tells how types are related."""
FILES = ("table.npy", "table_scale.npy", "encoder.onnx", "tokenizer.json")
"""Files of the encoder."""
