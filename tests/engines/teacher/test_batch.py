from __future__ import annotations

import asyncio
import json
import re
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from engines.fault_server import FaultServer, Reply, status
from engines.policies import write_policy
from engines.teacher_server import refusal, teach

from uniner_mcp.engines.base import Answer, Passage
from uniner_mcp.engines.teacher import batch
from uniner_mcp.engines.teacher.batch import ChatBatch, answer_in_batch
from uniner_mcp.engines.teacher.ledger import Ledger, today
from uniner_mcp.engines.teacher.policy import load_policy
from uniner_mcp.errors import AnswerRefused, EngineError, EngineUnavailable, NotSent, SettingsError
from uniner_mcp.schema import EntityType

pytestmark = pytest.mark.anyio
PERSON, PLACE = EntityType(name="person"), EntityType(name="location")
ASKED = [(Passage("Maria Keller left Berlin."), [PERSON, PLACE]), (Passage("Tom Reed left Paris."), [PERSON])]


class BatchServer(FaultServer):
    """Files and batches of the OpenAI API; a batch is done at the third look."""

    def __init__(self) -> None:
        super().__init__(behaviour=teach)
        self.lines: list[dict[str, Any]] = []
        self.submitted = self.looks = 0
        self.ends_as = "completed"
        self.broken: set[str] = set()

    async def answer(self, method: str, path: str, body: dict[str, Any]) -> Reply:
        self.asked.append((path, body))
        if self.always is not None:
            return self.always(path, body) or Reply()
        if (method, path) == ("POST", "/v1/files"):
            self.lines = [json.loads(line) for line in body["raw"].splitlines() if line.startswith(b'{"custom_id"')]
            made = {"id": "file-1", "object": "file", "bytes": 1, "created_at": 1, "filename": "x", "purpose": "batch"}
            return Reply(body=json.dumps({**made, "status": "processed"}).encode())
        if (method, path) == ("POST", "/v1/batches"):
            self.submitted += 1
            return self.batch("validating")
        if path == "/v1/batches/batch-1":
            self.looks += 1
            return self.batch("in_progress" if self.looks < 3 else self.ends_as)
        assert path == "/v1/files/file-2/content"
        return Reply(body=b"\n".join(self.result(line) for line in reversed(self.lines)))

    def batch(self, state: str) -> Reply:
        done = {"output_file_id": "file-2"} if state in ("completed", "expired") else {}
        whole = {
            "id": "batch-1", "object": "batch", "created_at": 1, "endpoint": "/v1/chat/completions", "status": state,
            "input_file_id": "file-1", "completion_window": "24h", **done,
        }  # fmt: skip
        return Reply(body=json.dumps(whole).encode())

    def result(self, line: dict[str, Any]) -> bytes:
        if line["custom_id"] in self.broken:
            return json.dumps({"custom_id": line["custom_id"], "response": None, "error": {"code": "x"}}).encode()
        body = json.loads(self.behaviour("/v1/chat/completions", line["body"]).body)  # type: ignore[union-attr]
        return json.dumps({"custom_id": line["custom_id"], "response": {"status_code": 200, "body": body}}).encode()


async def answer(
    folder: Path, server: FaultServer, asked: list[tuple[Passage, list[EntityType]]] = ASKED, more: str = ""
) -> list[list[Answer]]:
    policy = load_policy(write_policy(folder, "teacher-only", server, more))
    opened = ChatBatch(policy, Ledger(folder / "ledger.sqlite"), folder / "batch")
    try:
        return await answer_in_batch(opened, policy, asked, poll_s=0.01)
    finally:
        await opened.aclose()


async def test_all_passages_are_answered_in_their_order_for_half_the_price(tmp_path: Path) -> None:
    async with (server := BatchServer()).running():
        answers = await answer(tmp_path, server)
    said = [[[mention.text for mention in answer.mentions] for answer in of_passage] for of_passage in answers]
    assert said == [[["Maria Keller"], ["Berlin"]], [["Tom Reed"]]]
    spent = Ledger(tmp_path / "ledger.sqlite").spent(today())
    assert (spent.questions, spent.input_tokens, spent.output_tokens) == (3, 200, 40)
    assert spent.usd == pytest.approx((200 * 1 + 40 * 10) / 1e6 / 2)


async def test_after_a_crash_the_same_batch_is_waited_for_and_paid_once(tmp_path: Path) -> None:
    async with (server := BatchServer()).running():
        server.ends_as = "failed"  # The first time, before its result is there.
        with pytest.raises(EngineUnavailable, match=r"no results \(status: failed\)"):
            await answer(tmp_path, server)
        server.ends_as = "completed"
        for _ in range(2):
            answers = await answer(tmp_path, server)
            assert [answer.failure for of_passage in answers for answer in of_passage] == [None] * 3
        assert server.submitted == 1
        assert Ledger(tmp_path / "ledger.sqlite").spent(today()).input_tokens == 200
        with pytest.raises(EngineError, match="contains a batch of other questions"):
            await answer(tmp_path, server, ASKED[:1])


async def test_what_the_batch_did_not_answer_is_a_failure_with_its_reason(tmp_path: Path) -> None:
    long = (Passage("Maria Keller. " * 50), [PERSON])
    async with (server := BatchServer()).running():
        server.broken = {"0"}
        server.behaviour = refusal
        answers = await answer(tmp_path, server, [*ASKED, long], "[send]\nmax_chars = 100\n")
    assert [[type(answer.failure) for answer in of_passage] for of_passage in answers] == [
        [EngineError, EngineError],
        [AnswerRefused],
        [NotSent],
    ]


async def test_a_batch_that_cannot_be_submitted_costs_nothing(tmp_path: Path) -> None:
    async with (server := BatchServer()).running():
        server.always = status(500)
        with pytest.raises(EngineUnavailable, match=r"could not be run \(InternalServerError\)") as failed:
            await answer(tmp_path, server)
        assert "Keller" not in str(failed.value)
    assert Ledger(tmp_path / "ledger.sqlite").spent(today()).input_tokens == 0


async def test_a_batch_keeps_to_the_budget_and_to_consent(tmp_path: Path) -> None:
    async with (server := BatchServer()).running():
        with pytest.raises(NotSent, match="The batch would exceed the budget"):
            await answer(tmp_path, server, more="[budget.day]\nquestions = 2\n")
        policy = load_policy(write_policy(tmp_path, "teacher-only", server, top='consent = "ask"'))
        with pytest.raises(SettingsError, match="consent"):
            ChatBatch(policy, Ledger(tmp_path / "ledger.sqlite"), tmp_path / "batch")
        assert server.asked == []


async def test_results_that_are_not_in_their_form_are_said(tmp_path: Path) -> None:
    async with (server := BatchServer()).running():
        server.result = lambda line: b"{}"  # type: ignore[method-assign]
        with pytest.raises(EngineError, match="unknown format"):
            await answer(tmp_path, server)


async def test_a_batch_has_a_largest_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "MOST", 1)
    async with (server := BatchServer()).running():
        with pytest.raises(EngineError, match="2 requests do not fit into a batch of 1: split them"):
            await answer(tmp_path, server)


async def test_the_example_of_the_documentation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (Path(__file__).parents[3] / "docs" / "fallbacks.md").read_text(encoding="utf-8")
    ((example, said),) = re.findall(r"^```python\n(.*?)^```\n\n```\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(batch, "answer_in_batch", partial(answer_in_batch, poll_s=0.01))
    async with (server := BatchServer()).running():
        Path(write_policy(tmp_path, "teacher-only", server)).rename("mine.toml")
        await asyncio.to_thread(exec, compile(example, "docs/fallbacks.md", "exec"), {})
    assert capsys.readouterr().out == said
