"""The stage of the encoder of types and their relations."""

from __future__ import annotations

from pathlib import Path

from uniner_mcp.distill.nano.stages import types_encoder
from uniner_mcp.distill.stages import Counts, Stage
from uniner_mcp.types.known import TABLE


def train_types_stage(data: Path, out: Path) -> Stage:
    """Return the stage that exports the encoder of types, and trains the head that tells how types are related."""
    types = types_encoder()

    def work() -> Counts:
        from uniner_mcp.distill.types.train import export_types

        return export_types(types, data, out)

    return Stage("train-types", out, out / "relations.npz", {}, [types, TABLE, data], work)
