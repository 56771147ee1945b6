"""The recipe for real, for a few steps: train, stop, go on, export, answer. Needs the `train` extra."""

from __future__ import annotations

import logging
from pathlib import Path

import orjson
import pytest

torch = pytest.importorskip("torch", reason="needs the train extra")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.filterwarnings("default"),
]

from uniner_mcp.distill.nano import export, stages, validation  # noqa: E402
from uniner_mcp.distill.nano.data import Related, Sampler, load_definitions, load_sources  # noqa: E402
from uniner_mcp.distill.recipe import TrainNanoSettings  # noqa: E402
from uniner_mcp.distill.stages import Outcome, perform  # noqa: E402
from uniner_mcp.engines.nano.manifest import damaged_files, read_manifest  # noqa: E402
from uniner_mcp.engines.nano.runtime import NanoRuntime  # noqa: E402
from uniner_mcp.errors import UninerError  # noqa: E402
from uniner_mcp.types.known import Known  # noqa: E402

DATA = Path(__file__).parents[3] / "data"


def train(folder: Path, steps: int) -> Outcome:
    return perform(stages.train_nano_stage(TrainNanoSettings(data=DATA, steps=steps), folder))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three steps of training."""
    folder = tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(validation, "VALIDATION", {"synthetic_open": 10})
        train(folder, 3)
    return folder


def test_a_run_logs_loss_and_validation_f1(run: Path) -> None:
    (row,) = (orjson.loads(line) for line in (run / "log.jsonl").read_bytes().splitlines())
    assert (row["seed"], row["step"]) == (13, 3)
    assert row["loss"] > 0 and 0 <= row["validation_f1"] <= 100


def test_what_is_exported_is_the_running_mean(run: Path) -> None:
    whole = torch.load(run / "weights.pt", weights_only=True)
    mean = torch.load(run / "checkpoint.pt", weights_only=True)["average"]
    assert whole["name"] == "nano-student"
    for name, value in whole["weights"].items():
        torch.testing.assert_close(value, mean[f"module.{name}"])


def test_a_run_goes_on_from_its_checkpoint(
    run: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(validation, "VALIDATION", {"synthetic_open": 10})
    with caplog.at_level(logging.INFO):
        # The frame would begin anew with other settings: this is what it does with the same ones after a stop.
        stages.train_nano_stage(TrainNanoSettings(data=DATA, steps=4), run).work()
    assert "Resuming at step 3 of 4" in caplog.text
    assert orjson.loads((run / "log.jsonl").read_bytes().splitlines()[-1])["step"] == 4


def test_the_export_is_whole_close_to_float_and_answers(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(validation, "VALIDATION", {"synthetic_open": 30})
    # After four steps nearly all scores lie at the threshold: of so few passages a mention or two may tip over.
    monkeypatch.setattr(export, "LARGEST_LOSS", 5.0)
    perform(stages.export_nano_stage(run, tmp_path, DATA, None))
    manifest = read_manifest(tmp_path)
    assert damaged_files(tmp_path, manifest) == []
    assert "synthetic_open" in (tmp_path / "README.md").read_text(encoding="utf-8")
    spans = NanoRuntime(tmp_path, manifest, 1).read("Marie Curie was born in Warsaw.", ["person", "city"])
    assert len(spans) == 2


def test_an_export_that_loses_more_than_it_may_is_refused(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(validation, "VALIDATION", {"synthetic_open": 5})
    monkeypatch.setattr(export, "LARGEST_LOSS", -100.0)
    with pytest.raises(UninerError, match="points of F1 against float"):
        perform(stages.export_nano_stage(run, tmp_path, DATA, None))


def test_the_same_seed_draws_the_same_epoch_and_positives_survive_the_cut() -> None:
    sources = [source for source in load_sources(DATA) if source.name == "synthetic_open"]
    names = sorted({name for source in sources for example in source.examples for name in example.asked or ()})
    related = Related({name: [1.0 if index == number % 50 else 0.0 for index in range(50)]
                       for number, name in enumerate(names)})  # fmt: skip
    known = Known([])
    draw = [Sampler(sources, load_definitions(DATA), related, known, seed=1).epoch(0) for _ in range(2)]
    assert draw[0] == draw[1]
    for item in draw[0]:
        present = {gold.type for gold in item.example.entities}
        assert present <= {name for asked in item.types for name in asked.names}
