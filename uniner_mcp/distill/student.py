"""The commands of causal students, with what they need checked before anything heavy is imported."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from uniner_mcp.errors import SettingsError


def _check() -> None:
    if any(find_spec(name) is None for name in ("torch", "transformers", "trl", "peft", "gguf")):
        raise SettingsError("Training needs the `train` extra: pip install 'uniner-mcp[train]'.")


def run_training(data: Path, base: str, out: Path, **given: float | None) -> None:
    """`uniner-mcp distill train`; what is not given keeps the default of StudentConfig."""
    _check()
    from uniner_mcp.distill.student_train import StudentConfig, train_student

    config = StudentConfig(**{name: value for name, value in given.items() if value is not None})  # pyright: ignore
    train_student(data, base, out, config)


def run_export(run: Path, out: Path, precision: Literal["f16", "q8_0"] | None) -> None:
    """`uniner-mcp distill export`."""
    _check()
    if not (run / "model").is_dir():
        raise SettingsError(f"There is no trained student in {run}: run `uniner-mcp distill train --out {run}` first.")
    from uniner_mcp.distill.student_train import export_student

    export_student(run, out)
    if precision is not None:
        from uniner_mcp.distill.student_gguf import write_gguf

        write_gguf(out, out / f"{out.resolve().name}.gguf", precision)
