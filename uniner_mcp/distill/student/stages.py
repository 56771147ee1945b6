"""The stages of causal students; they check what they need before anything heavy is imported."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from uniner_mcp.distill.recipe import ExportSettings, TrainSettings
from uniner_mcp.distill.stages import Counts, Stage
from uniner_mcp.errors import SettingsError, UninerError
from uniner_mcp.installation import install_command


def _check() -> None:
    if any(find_spec(name) is None for name in ("torch", "transformers", "trl", "peft", "gguf")):
        raise UninerError(f"Training needs the `train` extra: run {install_command('train')}.")


def train_stage(settings: TrainSettings, data: Path, out: Path) -> Stage:
    """Return the stage that trains on conversations, with checkpoints and log in `out`, the student in `out/model`."""
    _check()
    if not data.is_file():
        raise SettingsError(f"There are no conversations at {data}: run `uniner-mcp distill conversations` first.")
    base = Path(settings.base)
    left_out = {"data", "save_steps", *(["base"] if base.is_dir() else [])}
    inputs = [data, *([base] if base.is_dir() else [])]

    def work() -> Counts:
        from uniner_mcp.distill.student.train import train_student

        return train_student(data, out, settings)

    return Stage("train", out, out / "model", settings.model_dump(mode="json", exclude=left_out), inputs, work, "same")


def export_stage(settings: ExportSettings, run: Path, out: Path) -> Stage:
    """Return the stage that exports the student of `run` as a folder with card, profile and optional GGUF file."""
    _check()
    if not (run / "model").is_dir():
        raise SettingsError(f"There is no trained student in {run}: run `uniner-mcp distill train --out {run}` first.")
    gguf = out / f"{out.resolve().name}.gguf"

    def work() -> Counts:
        from uniner_mcp.distill.student.gguf import write_gguf
        from uniner_mcp.distill.student.train import export_student

        gguf.unlink(missing_ok=True)
        export_student(run, out)
        if settings.gguf is not None:
            write_gguf(out, gguf, settings.gguf)
        return {"megabytes": round(sum(file.stat().st_size for file in out.iterdir()) / 1e6, 1)}

    return Stage("export", out, out, settings.model_dump(mode="json"), [run / "model", run / "run.json"], work)
