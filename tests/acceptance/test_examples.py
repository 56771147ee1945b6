from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

EXAMPLES = Path(__file__).parent.parent.parent / "examples"
WITH_A_FRAMEWORK = {"langgraph_agent", "report_agent"}
"""Run by tests/integrations/test_examples.py."""
RUN = {
    "extract_document": ([], "person: "),
    "mcp_client": ([], "Supreme Court of India"),
    "redact": ([], "[PERSON 2] will call you on Friday"),
    "knowledge_graph": (["--graphml", "out.graphml"], "(person) - "),
    "batch": (
        [str(EXAMPLES / "documents"), "--types", "person", "--out", "out.jsonl"],
        "out.jsonl: 1 documents, 0 failed.",
    ),
}


@pytest.mark.parametrize("name", RUN)
def test_an_example_runs(name: str, tmp_path: Path) -> None:
    arguments, said = RUN[name]
    command = [sys.executable, EXAMPLES / f"{name}.py", *arguments]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert said in done.stdout
    if name == "knowledge_graph":
        assert len(list(ElementTree.parse(tmp_path / "out.graphml").findall(".//{*}edge"))) > 10
    if name == "batch":
        (row,) = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()]
        assert row["id"] == "workshop_on_electronic_texts.txt" and len(row["entities"]) > 50


def test_the_batch_example_goes_on_after_a_document_that_fails(tmp_path: Path) -> None:
    wrong = [b'{"id": 1, "text": " "}', b'{"id": 2}', b"no JSON", b"\xff", b""]
    rows = [*wrong, b'{"id": 3, "text": "Ada Lovelace wrote."}']
    (tmp_path / "in.jsonl").write_bytes(b"\n".join(rows))
    command = [sys.executable, EXAMPLES / "batch.py", "in.jsonl", "--types", "person", "--out", "out.jsonl"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "1 documents, 4 failed" in done.stdout
    *failed, last = map(json.loads, (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines())
    assert all("error" in row for row in failed) and last["entities"][0]["text"] == "Ada Lovelace"


def test_every_example_is_run() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.py")} == RUN.keys() | WITH_A_FRAMEWORK


def test_the_batch_example_does_not_overwrite_its_input(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text('{"id": 1, "text": "Ada Lovelace wrote."}', encoding="utf-8")
    command = [sys.executable, EXAMPLES / "batch.py", "in.jsonl", "--types", "person", "--out", "in.jsonl"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "overwritten" in done.stderr
    assert (tmp_path / "in.jsonl").read_text(encoding="utf-8").startswith("{")


@pytest.mark.parametrize("name", RUN)
def test_an_example_explains_itself(name: str) -> None:
    done = subprocess.run(
        [sys.executable, EXAMPLES / f"{name}.py", "--help"], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("usage:")
