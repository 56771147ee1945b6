"""Whole runs by a run file: a corpus, a teacher on a real socket, a real (tiny) Llama, real evaluation."""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from anyio.from_thread import start_blocking_portal
from engines.fault_server import FaultServer, Reply
from engines.policies import write_policy
from engines.teacher_server import chat
from typer.testing import CliRunner, Result

from uniner_mcp.cli import app

pytest.importorskip("pyarrow")
TINY = Path(__file__).parent.parent / "tiny_uniner" / "hf"
PEOPLE = [f"{first} {last}" for first in ("Maria", "Tom", "Anna") for last in ("Keller", "Reed", "Novak", "Silva")]


def label(path: str, body: dict[str, Any]) -> Reply:
    text = body["messages"][-1]["content"].partition("Passage: ")[2]
    person, _, place = text.rstrip(".").partition(" left ")
    return chat(f'[("{person}", "person"), ("{place}", "city"), ("nobody", "person")]')


@pytest.fixture
def teacher() -> Iterator[FaultServer]:
    server = FaultServer(behaviour=label)
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(server.running()):
        yield server


@pytest.fixture
def folder(tmp_path: Path, teacher: FaultServer, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A corpus, a policy, a set to be measured on, and a run file for the stages that need no training."""
    monkeypatch.setenv("UNINER_LEDGER_PATH", str(tmp_path / "ledger.sqlite"))
    monkeypatch.setenv("UNINER_CACHE", "false")
    write_policy(tmp_path, "teacher-only", teacher)
    texts = [f"{person} left {place}." for person in PEOPLE for place in ("Berlin", "Paris")]
    (tmp_path / "corpus.txt").write_text("\n\n".join(texts), encoding="utf-8")
    (tmp_path / "run.toml").write_text(
        '[sample]\ncorpus = ["corpus.txt"]\nnumber = 20\n[annotate]\nteacher = "teacher-only-here.toml"\n'
        "[conversations]\nratio = 0.5\n", encoding="utf-8",
    )  # fmt: skip
    columns = "Maria B-person\nKeller I-person\nleft O\nParis B-city\n. O\n"
    (tmp_path / "data" / "two").mkdir(parents=True)
    (tmp_path / "data" / "two" / "test.conll").write_text(columns, encoding="utf-8")
    return tmp_path


def run(folder: Path) -> Result:
    result = CliRunner().invoke(app, ["distill", "run", str(folder / "run.toml"), "--out", str(folder / "run")])
    assert result.exit_code == 0, result.output
    return result


def stages(result: Result) -> dict[str, str]:
    """How each stage ended; the trainer writes its losses between them."""
    ends = re.findall(r"^([a-z-]+): .* is (complete|incomplete|up to date)$", result.stdout, re.MULTILINE)
    return dict(ends)


def test_the_stages_hang_together_and_only_what_changed_is_made_again(folder: Path, teacher: FaultServer) -> None:
    assert stages(run(folder)) == {"sample": "complete", "annotate": "complete", "conversations": "complete"}
    rows = [json.loads(line) for line in (folder / "run" / "conversations.jsonl").read_bytes().splitlines()]
    assert len(rows) == 20 and len(teacher.asked) == 20
    manifest = json.loads((folder / "run" / "conversations.manifest.json").read_bytes())
    assert manifest["counts"]["entities left out"] == {"not in the passage": 20}
    assert manifest["inputs"] == {
        str(folder / "run" / "annotations.jsonl"): json.loads(
            (folder / "run" / "annotations.manifest.json").read_bytes()
        )["output"]
    }
    assert set(stages(run(folder)).values()) == {"up to date"} and len(teacher.asked) == 20
    recipe = (folder / "run.toml").read_text(encoding="utf-8")
    (folder / "run.toml").write_text(recipe.replace("ratio = 0.5", "ratio = 1"), encoding="utf-8")
    assert stages(run(folder)) == {"sample": "up to date", "annotate": "up to date", "conversations": "complete"}
    (folder / "run.toml").write_text(recipe.replace("number = 20", "number = 24"), encoding="utf-8")
    # A larger sample begins with the smaller one: only what is new is asked of the teacher.
    assert stages(run(folder)) == {"sample": "complete", "annotate": "complete", "conversations": "complete"}
    assert len(teacher.asked) == 24


def test_labels_stay_when_the_policy_moves_and_are_set_aside_for_another_model(
    folder: Path, teacher: FaultServer
) -> None:
    run(folder)
    recipe = (folder / "run.toml").read_text(encoding="utf-8")
    policy = (folder / "teacher-only-here.toml").rename(folder / "moved.toml")
    (folder / "run.toml").write_text(recipe.replace("teacher-only-here", "moved"), encoding="utf-8")
    assert stages(run(folder))["annotate"] == "up to date" and len(teacher.asked) == 20
    policy.write_text(policy.read_text(encoding="utf-8").replace("gpt-test", "gpt-other"), encoding="utf-8")
    assert stages(run(folder))["annotate"] == "complete" and len(teacher.asked) == 40
    assert (folder / "run" / "annotations.jsonl.before-1").is_file()


def test_passages_that_failed_are_asked_again_by_the_same_command(folder: Path, teacher: FaultServer) -> None:
    teacher.behaviour, good = (lambda path, body: Reply(400)), teacher.behaviour
    command = ["distill", "run", str(folder / "run.toml"), "--out", str(folder / "run")]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 1 and "Run the same command again" in " ".join(result.stderr.split())
    assert "failed: 20" in result.stdout
    teacher.behaviour = good
    assert stages(run(folder))["annotate"] == "complete"


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("trl") is None, reason="needs the train extra: see .ci/run")
@pytest.mark.filterwarnings("ignore:.*gradient_checkpointing.*:FutureWarning")  # Of transformers, about PEFT.
def test_a_student_is_made_from_a_corpus_and_measured_and_answers(folder: Path) -> None:
    pytest.importorskip("xllamacpp", reason="xllamacpp has no wheel for this platform")
    recipe = (folder / "run.toml").read_text(encoding="utf-8")
    recipe += f'[train]\nbase = "{TINY}"\nsteps = 10\nbatch = 4\naccumulation = 1\nlearning_rate = 1e-3\n'
    recipe += '[export]\ngguf = "f16"\n[evaluate]\ndata = "data"\n'
    (folder / "run.toml").write_text(recipe, encoding="utf-8")
    made = stages(run(folder))
    assert list(made) == ["sample", "annotate", "conversations", "train", "export", "evaluate"]
    assert set(made.values()) == {"complete"} and set(stages(run(folder)).values()) == {"up to date"}
    report = (folder / "run" / "report" / "report.md").read_text(encoding="utf-8")
    assert report.startswith("# llama-cpp, student\n") and "| two | 1 | **" in report
    student = folder / "run" / "student"
    command = ["extract", "Maria Keller left Paris.", "-t", "person", "--json", "--engine", "llama-cpp"]
    command += ["--model", str(student / "student.gguf"), "--profile", str(student / "profile.toml")]
    found = json.loads(CliRunner().invoke(app, command).stdout)
    assert found["answered_by"][0]["model"] == "student" and not found["unanswered"]
    (folder / "run.toml").write_text(recipe.replace("steps = 10", "steps = 11"), encoding="utf-8")
    again = run(folder)
    assert stages(again)["train"] == "complete" and stages(again)["conversations"] == "up to date"
    assert (folder / "run" / "train.before-1" / "model").is_dir() and (folder / "run" / "report.before-1").is_dir()


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="needs the train extra: see .ci/run")
@pytest.mark.filterwarnings("default")
def test_the_embedded_student_is_made_and_measured_by_a_run_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from uniner_mcp.distill.nano import export, validation

    monkeypatch.setattr(validation, "VALIDATION", {"synthetic_open": 10})
    monkeypatch.setattr(export, "LARGEST_LOSS", 100.0)
    data = Path(__file__).parent.parent.parent / "data"
    (folder / "run.toml").write_text(
        f'[train-nano]\ndata = "{data}"\nsteps = 2\n[evaluate]\ndata = "data"\n', encoding="utf-8"
    )
    assert stages(run(folder)) == dict.fromkeys(("train-nano", "export-nano", "evaluate"), "complete")
    report = (folder / "run" / "report" / "report.md").read_text(encoding="utf-8")
    assert report.startswith("# nano, nano-student")
    assert set(stages(run(folder)).values()) == {"up to date"}
