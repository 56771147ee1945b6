"""What the commands of the recipe say where something is missing."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from uniner_mcp.cli import app
from uniner_mcp.distill.nano import stages


@pytest.mark.parametrize(
    "arguments",
    [["train-nano", "--data", "d", "--out", "o"], ["export-nano", "--run", "r", "--out", "o", "--data", "d"]],
)
def test_without_the_train_extra_they_say_how_to_get_it(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stages, "find_spec", lambda name: None)
    result = CliRunner().invoke(app, ["distill", *arguments])
    assert result.exit_code == 1 and "[train]'" in result.stderr


def test_without_data_training_says_which_folder_it_wants(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stages, "find_spec", lambda name: SimpleNamespace(origin=str(tmp_path / "__init__.py")))
    arguments = ["train-nano", "--data", str(tmp_path), "--out", "o", "--start", str(tmp_path)]
    result = CliRunner().invoke(app, ["distill", *arguments])
    assert result.exit_code == 2 and "synthetic_open" in result.stderr
