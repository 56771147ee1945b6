"""/ready says whether the engine can answer; /health only that the server runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from doubles import names_engine
from engines.fault_server import FaultServer
from engines.policies import write_policy
from engines.teacher_server import teacher_server
from server.serving import serving

from uniner_mcp import Extractor, Settings
from uniner_mcp.engines.base import Passage
from uniner_mcp.engines.scripted import ScriptedEngine
from uniner_mcp.errors import CircuitOpen, EngineError, EngineTimeout, EngineUnavailable, UnreadableAnswer
from uniner_mcp.schema import EntityType
from uniner_mcp.server import readiness
from uniner_mcp.server.readiness import Readiness

pytestmark = pytest.mark.anyio
PATH = "/home/operator/weights"


def failing(error: Exception) -> ScriptedEngine:
    def script(passage: Passage, kind: EntityType) -> list[str]:
        raise error

    return ScriptedEngine(script)


async def test_an_engine_that_answers_is_ready_and_is_asked_once_in_a_while() -> None:
    engine = names_engine()
    async with serving(engine) as served, httpx2.AsyncClient() as client:
        replies = [await client.get(served.at("/ready")) for _ in range(5)]
    assert [reply.status_code for reply in replies] == [200] * 5 and replies[0].json() == {"status": "ready"}
    assert len(engine.asked) == 1


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (EngineUnavailable(PATH), "its model cannot be loaded"),
        (CircuitOpen(PATH), "suspended"),
        (EngineTimeout(PATH), "within 5 seconds"),
        (EngineError(PATH), "cannot answer"),
        (RuntimeError(PATH), "cannot answer"),
    ],
)
async def test_an_engine_that_fails_is_not_ready_and_the_reason_names_no_path(error: Exception, reason: str) -> None:
    async with serving(failing(error)) as served, httpx2.AsyncClient() as client:
        alive, ready = await client.get(served.at("/health")), await client.get(served.at("/ready"))
    assert alive.status_code == 200 and ready.status_code == 503
    assert reason in ready.json()["reason"] and PATH not in ready.text


async def test_an_answer_that_cannot_be_read_shows_that_the_engine_works() -> None:
    assert await Readiness(Extractor(failing(UnreadableAnswer("x")), Settings())).reason() is None


async def test_an_engine_that_hangs_is_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "ANSWER_S", 0.05)

    async def script(passage: Passage, kind: EntityType) -> list[str]:
        await anyio.sleep_forever()
        return []

    reason = await Readiness(Extractor(ScriptedEngine(script), Settings())).reason()
    assert reason is not None and "model is loading" in reason


async def test_recovery_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "KNOWN_S", 0.0)
    broken = [True]

    def script(passage: Passage, kind: EntityType) -> list[str]:
        if broken:
            raise EngineUnavailable("down")
        return []

    checked = Readiness(Extractor(ScriptedEngine(script), Settings()))
    assert await checked.reason() is not None
    broken.clear()
    assert await checked.reason() is None


async def test_an_unreachable_server_is_not_ready_although_answers_are_cached(tmp_path: Path) -> None:
    async with FaultServer(owned_by="vllm").running() as local:
        given: dict[str, Any] = {"engine": "vllm", "base_url": local.url, "model": "tiny", "timeout_s": 0.2}
        async with Extractor.open(Settings(**given)) as extractor:
            await extractor.extract("x", ["person"])
            assert await Readiness(extractor).reason() is None
            asked = len(local.asked)
            await extractor.extract("x", ["person"])
            assert len(local.asked) == asked  # The question itself is cached.
    async with Extractor.open(Settings(**given)) as extractor:
        assert "cannot be reached" in str(await Readiness(extractor).reason())


@pytest.mark.parametrize("policy", ["on-failure", "teacher-only"])
async def test_the_teacher_is_never_asked_for_that(tmp_path: Path, policy: str) -> None:
    async with teacher_server().running() as teacher:
        given: dict[str, Any] = {
            "engine": "vllm", "base_url": "http://127.0.0.1:9/v1", "model": "tiny", "timeout_s": 0.2,
            "fallback": write_policy(tmp_path, policy, teacher, top='consent = "operator"'),
            "ledger_path": tmp_path / "ledger.sqlite",
        }  # fmt: skip
        async with Extractor.open(Settings(**given)) as extractor:
            reason = await Readiness(extractor).reason()
        assert (reason is None) == (policy == "teacher-only") and teacher.asked == []
