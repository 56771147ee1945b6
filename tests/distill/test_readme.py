"""The commands of the README's recipe, word for word, on a small corpus, a small teacher and a tiny model."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from anyio.from_thread import start_blocking_portal
from distill.test_run import PEOPLE, TINY, label
from engines.fault_server import FaultServer
from engines.policies import write_policy

ROOT = Path(__file__).parent.parent.parent
COMMANDS = re.findall(r"^uniner-mcp (?:evaluate --data sets|distill|extract --engine llama-cpp --model run)[^\n]*",
                      (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)  # fmt: skip
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("trl") is None, reason="needs the train extra: see .ci/run"),
    pytest.mark.timeout(900),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What the README names: texts, sets, base-model, teacher.toml, recipe.toml, data."""
    folder = tmp_path_factory.mktemp("readme")
    (folder / "texts").mkdir()
    texts = [f"{person} left {place}." for person in PEOPLE for place in ("Berlin", "Paris", "Rome", "Oslo")]
    (folder / "texts" / "all.txt").write_text("\n\n".join(texts), encoding="utf-8")
    (folder / "sets" / "two").mkdir(parents=True)
    (folder / "sets" / "two" / "test.conll").write_text("Maria B-person\nslept O\n", encoding="utf-8")
    shutil.copytree(TINY, folder / "base-model")
    (folder / "data").symlink_to(ROOT / "data")
    (folder / "recipe.toml").write_text(
        '[sample]\ncorpus = ["texts"]\nlanguage = "en"\n[annotate]\nteacher = "teacher.toml"\n[conversations]\n'
        '[train]\nbase = "base-model"\nsteps = 2\n[export]\ngguf = "q8_0"\n[evaluate]\ndata = "sets"\n',
        encoding="utf-8",
    )
    server = FaultServer(behaviour=label)
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(server.running()):
        Path(write_policy(folder, "teacher-only", server)).rename(folder / "teacher.toml")
        yield folder


def test_the_readme_has_a_command_for_each_stage() -> None:
    stages = {"sample", "annotate", "conversations", "train", "export", "run", "train-nano", "export-nano"}
    assert {command.split()[2] for command in COMMANDS if command.split()[1] == "distill"} == stages
    assert any(command.startswith("uniner-mcp evaluate") for command in COMMANDS) and len(COMMANDS) == 10


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(command.split()[1:3]))
def test_each_command_runs(folder: Path, command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNINER_LEDGER_PATH", str(folder / "ledger.sqlite"))
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=":")
    # The whole training takes 80 minutes.
    line = command + " --steps 2" * ("train-nano" in command)
    done = subprocess.run(["bash", "-c", line], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
