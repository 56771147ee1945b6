from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from anyio.from_thread import start_blocking_portal
from engines.fault_server import FaultServer, Reply, status
from engines.policies import write_policy
from engines.teacher.test_batch import BatchServer
from engines.teacher_server import chat, refusal
from typer.testing import CliRunner

from uniner_mcp.cli import app
from uniner_mcp.distill.dataset.annotate import (
    Annotations,
    Progress,
    Sampled,
    annotate,
    annotate_in_batch,
    messages,
    read_passages,
    worst_case,
)
from uniner_mcp.engines.base import Cost
from uniner_mcp.engines.teacher.batch import ChatBatch
from uniner_mcp.engines.teacher.ledger import Ledger, today
from uniner_mcp.engines.teacher.policy import load_policy
from uniner_mcp.errors import NotSent, RequestError

pytestmark = pytest.mark.anyio
PASSAGES = [Sampled(f"p{number}", f"Maria Keller left Berlin on day {number}.") for number in range(12)]


def label(path: str, body: dict[str, Any]) -> Reply:
    text = body["messages"][-1]["content"].partition("Passage: ")[2]
    return chat(f'[("Maria Keller", "person"), ("day {text.rsplit(" ", 1)[1][:-1]}", "day")]')


async def run(folder: Path, server: FaultServer, more: str = "", **options: Any) -> Progress:
    policy = load_policy(write_policy(folder, "teacher-only", server, more))
    annotations = Annotations(folder / "annotations.jsonl", "type", "gpt-test")
    return await annotate(PASSAGES, annotations, "type", policy, Ledger(folder / "ledger.sqlite"), **options)


def rows(folder: Path) -> dict[str, dict[str, Any]]:
    lines = (folder / "annotations.jsonl").read_text(encoding="utf-8").splitlines()
    found = [json.loads(line) for line in lines]
    assert len({row["id"] for row in found}) == len(found)
    return {row["id"]: row for row in found}


def test_the_teacher_is_asked_in_the_words_of_the_paper() -> None:
    system, user = messages("Ada left.", "type")
    assert system == {"role": "system", "content": "You are a helpful information extraction system."}
    assert user["content"] == (
        "Given a passage, your task is to extract all entities and identify their entity types. The output should be "
        'in a list of tuples of the following format: [("entity 1", "type of entity 1"), ... ].\nPassage: Ada left.'
    )
    _, user = messages("Ada left.", "definition")
    assert "define their type using a short sentence" in user["content"]
    assert user["content"].endswith("\nParagraph: Ada left.")


async def test_every_passage_gets_a_line_with_what_the_teacher_wrote(tmp_path: Path) -> None:
    seen: list[Progress] = []
    async with FaultServer(behaviour=label).running() as server:
        progress = await run(tmp_path, server, on_progress=seen.append)
    assert (progress.done, progress.total, progress.failed) == (12, 12, 0)
    assert progress.cost.usd == pytest.approx(12 * 0.0003) and [one.done for one in seen] == list(range(1, 13))
    assert rows(tmp_path)["p3"] == {
        "id": "p3", "text": PASSAGES[3].text, "raw": '[("Maria Keller", "person"), ("day 3", "day")]', "prompt": "type",
        "model": "gpt-test", "usage": {"prompt_tokens": 100, "completion_tokens": 20}, "error": None,
    }  # fmt: skip
    assert server.most_at_once <= 8 and all("response_format" not in body for _, body in server.asked)


async def test_a_run_that_was_stopped_goes_on_where_it_was(tmp_path: Path) -> None:
    async with FaultServer(behaviour=label).running() as server:
        await run(tmp_path, server)
        lines = (tmp_path / "annotations.jsonl").read_bytes().splitlines(keepends=True)
        (tmp_path / "annotations.jsonl").write_bytes(b"".join(lines[:5]) + lines[5][:20])  # Torn by a crash.
        server.asked.clear()
        progress = await run(tmp_path, server)
    assert len(server.asked) == 7 and progress.done == 12 and len(rows(tmp_path)) == 12


async def test_what_fails_is_counted_and_asked_again_and_what_is_declined_is_not(tmp_path: Path) -> None:
    async with FaultServer(status(400), refusal, behaviour=label).running() as server:
        first = await run(tmp_path, server, at_once=1)
        assert (first.done, first.failed) == (11, 1)
        second = await run(tmp_path, server)
    assert (second.done, second.failed, len(server.asked)) == (12, 0, 13)
    declined = [row for row in rows(tmp_path).values() if row["error"]]
    assert len(declined) == 1 and declined[0]["raw"] == "" and "declined" in declined[0]["error"]


async def test_when_the_budget_is_spent_the_run_stops_and_keeps_what_it_has(tmp_path: Path) -> None:
    async with FaultServer(behaviour=label).running() as server:
        with pytest.raises(NotSent, match="budget of the day"):
            await run(tmp_path, server, "[budget.day]\nquestions = 5\n", at_once=2)
        assert len(rows(tmp_path)) == len(server.asked) == 5


async def test_requests_are_spread_over_the_minute(tmp_path: Path) -> None:
    async with FaultServer(behaviour=label).running() as server:
        started = time.monotonic()
        await run(tmp_path, server, per_minute=60 / 0.05, at_once=12)
    assert len(server.asked) == 12 and time.monotonic() - started >= 11 * 0.05


async def test_a_batch_labels_the_same_way_and_goes_on_too(tmp_path: Path) -> None:
    async with (server := BatchServer()).running():
        server.behaviour = label
        server.broken = {"p1"}
        policy = load_policy(write_policy(tmp_path, "teacher-only", server))
        batch = ChatBatch(policy, Ledger(tmp_path / "ledger.sqlite"), tmp_path / "batch")
        annotations = Annotations(tmp_path / "annotations.jsonl", "type", "gpt-test")
        progress = await annotate_in_batch(PASSAGES, annotations, "type", batch, poll_s=0.01)
        await batch.aclose()
    assert (progress.done, progress.failed) == (11, 1) and "p1" not in rows(tmp_path)
    assert Ledger(tmp_path / "ledger.sqlite").spent(today()).questions == 12


def test_the_worst_case_is_told_before_anything_is_sent(tmp_path: Path) -> None:
    policy = load_policy(write_policy(tmp_path, "teacher-only", "http://127.0.0.1:9/v1"))
    cost = worst_case(policy, PASSAGES, "type")
    assert cost.questions == 12 and cost.output_tokens == 12 * 400 and cost.usd > 12 * 400 * 10 / 1e6
    assert worst_case(policy, [], "type") == Cost()


def test_passages_are_read_and_what_is_none_is_named(tmp_path: Path) -> None:
    path = tmp_path / "passages.jsonl"
    path.write_text('{"id": 1, "text": "Ada"}\n{"id": 2}\n', encoding="utf-8")
    with pytest.raises(RequestError, match="line 2"):
        read_passages(path)
    path.write_text('{"id": 1, "text": "Ada", "more": 1}\n', encoding="utf-8")
    assert read_passages(path) == [Sampled("1", "Ada")]
    with pytest.raises(RequestError, match="cannot be read"):
        read_passages(tmp_path / "none.jsonl")


def test_the_command_shows_the_cost_and_goes_on_after_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNINER_LEDGER_PATH", str(tmp_path / "ledger.sqlite"))
    rows_file, out = tmp_path / "passages.jsonl", tmp_path / "annotations.jsonl"
    rows_file.write_text("".join(f'{{"id": "{one.id}", "text": "{one.text}"}}\n' for one in PASSAGES), encoding="utf-8")
    server = FaultServer(status(400), behaviour=label)
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(server.running()):
        policy = write_policy(tmp_path, "teacher-only", server)
        command = ["distill", "annotate", "--passages", str(rows_file), "--out", str(out), "--teacher", policy]
        first = CliRunner().invoke(app, command)
        second = CliRunner().invoke(app, command)
    assert first.exit_code == 1 and "labelled: 11\n  failed: 1\n" in first.stdout
    assert "12 of 12 passages for gpt-test" in " ".join(first.stderr.split()) and "at most" in first.stderr
    assert second.exit_code == 0 and "labelled: 12\n  failed: 0\n" in second.stdout
    assert "1 of 12 passages for gpt-test" in " ".join(second.stderr.split())


def test_the_command_wants_a_policy_with_a_teacher(tmp_path: Path) -> None:
    path = tmp_path / "x"
    command = ["distill", "annotate", "--passages", str(path), "--out", f"{path}-out", "--teacher", "none"]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 2 and f"There is no {path}" in "".join(result.stderr.splitlines())
    path.write_text("", encoding="utf-8")
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 2 and "sends nothing automatically" in result.stderr
