"""The person at a real client is asked, in both protocol eras, whether a text may go to the teacher."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from engines.fault_server import FaultServer
from engines.policies import write_policy
from engines.teacher_server import teacher_server
from mcp import Client
from mcp.client import ClientRequestContext
from mcp.types import ElicitRequestParams, ElicitResult

from uniner_mcp import Extractor, Settings
from uniner_mcp.domains import domain_list
from uniner_mcp.server import consent
from uniner_mcp.server.app import build_server

pytestmark = pytest.mark.anyio
TEXT = "Maria Keller works for Acme Robotics in Berlin."
ARGUMENTS = {"text": TEXT, "entity_types": ["person", "location"]}


class Person:
    """Somebody at the client who answers as told, and remembers what was asked."""

    def __init__(self, answer: ElicitResult) -> None:
        self.answer = answer
        self.asked: list[str] = []

    async def __call__(self, context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        self.asked.append(params.message)
        return self.answer


YES = ElicitResult(action="accept", content={"allow": True})
NO = ElicitResult(action="accept", content={"allow": False})
DECLINE = ElicitResult(action="decline")
CANCEL = ElicitResult(action="cancel")


@pytest.fixture
async def teacher() -> AsyncIterator[FaultServer]:
    async with teacher_server().running() as server:
        yield server


@pytest.fixture(params=["auto", "legacy"])
def era(request: pytest.FixtureRequest) -> str:
    return request.param


async def call(client: Client, **more: Any) -> dict[str, Any]:
    result = await client.call_tool("extract_entities", {**ARGUMENTS, **more})
    return {"error": str(result.content)} if result.is_error else dict(result.structured_content or {})


def extractor(folder: Path, teacher: FaultServer, **settings: Any) -> Extractor:
    """The local server is not there, so that every question wants the teacher."""
    policy = write_policy(folder, "on-failure", teacher, top='consent = "ask"')
    given: dict[str, Any] = {
        "engine": "vllm", "base_url": "http://127.0.0.1:9/v1", "model": "tiny", "timeout_s": 0.2, "fallback": policy,
        "ledger_path": folder / "ledger.sqlite",
    }  # fmt: skip
    return Extractor.open(Settings(**given | settings))


async def test_who_agrees_is_asked_once_and_the_teacher_answers(tmp_path: Path, teacher: FaultServer, era: str) -> None:
    person = Person(YES)
    async with (
        extractor(tmp_path, teacher) as opened,
        Client(build_server(opened, domain_list()), mode=era, elicitation_callback=person) as client,
    ):
        first = await call(client)
        second = await call(client, text=TEXT + " Tom Reed left Paris.")
    assert [entity["text"] for entity in first["entities"]] == ["Maria Keller", "Berlin"]
    assert len(second["entities"]) == 4 and len(teacher.asked) == 2
    (question,) = person.asked
    assert question == (
        f"Not everything could be answered locally. May this text ({len(TEXT)} characters) be sent to "
        f"gpt-test at 127.0.0.1:{teacher.port}? Your answer applies to this connection."
    )


@pytest.mark.parametrize(("answer", "times"), [(NO, 1), (DECLINE, 1), (CANCEL, 2)])
async def test_who_does_not_agree_is_told_and_nothing_is_sent(
    tmp_path: Path, teacher: FaultServer, era: str, answer: ElicitResult, times: int
) -> None:
    person = Person(answer)
    async with (
        extractor(tmp_path, teacher) as opened,
        Client(build_server(opened, domain_list()), mode=era, elicitation_callback=person) as client,
    ):
        outcomes = [await call(client), await call(client)]
    assert all("nothing was sent to gpt-test" in outcome["error"] for outcome in outcomes)
    assert teacher.asked == [] and len(person.asked) == times  # Who closes the dialogue is asked again.


async def test_a_client_that_cannot_ask_counts_as_no(tmp_path: Path, teacher: FaultServer, era: str) -> None:
    async with extractor(tmp_path, teacher) as opened, Client(build_server(opened, domain_list()), mode=era) as client:
        outcome = await call(client)
    assert "was not asked, so nothing was sent" in outcome["error"] and teacher.asked == []


async def test_nobody_is_asked_where_the_local_engine_answers_all(
    tmp_path: Path, teacher: FaultServer, era: str
) -> None:
    person = Person(YES)
    async with (
        FaultServer(owned_by="vllm").running() as local,
        extractor(tmp_path, teacher, base_url=local.url, timeout_s=60) as opened,
        Client(build_server(opened, domain_list()), mode=era, elicitation_callback=person) as client,
    ):
        outcome = await call(client)
    assert [one["engine"] for one in outcome["answered_by"]] == ["vllm"] and person.asked == []


async def test_what_the_teacher_answered_before_needs_no_consent(
    tmp_path: Path, teacher: FaultServer, era: str
) -> None:
    async with extractor(tmp_path, teacher) as opened:
        await opened.extract(**ARGUMENTS, consent=True)
        async with Client(build_server(opened, domain_list()), mode=era) as client:
            outcome = await call(client)
    assert outcome["answered_by"] == [{"engine": "teacher", "model": "gpt-test", "questions": 2, "cached": 2}]


async def test_the_open_world_is_hinted_exactly_when_the_policy_can_send(
    tmp_path: Path, teacher: FaultServer, era: str
) -> None:
    hints: dict[str, bool | None] = {}
    for chosen in ("never", "operator", "ask"):
        policy = write_policy(tmp_path, "on-failure", teacher, top=f'consent = "{chosen}"')
        async with (
            Extractor.open(Settings(fallback=policy, engine="nano")) as opened,
            Client(build_server(opened, domain_list()), mode=era) as client,
        ):
            (tool,) = [one for one in (await client.list_tools()).tools if one.name == "extract_entities"]
            engine = str(await client.read_resource("uniner://engine"))
        assert tool.annotations is not None
        hints[chosen] = tool.annotations.open_world_hint
        assert ("gpt-test at 127.0.0.1" in engine) == (chosen != "never")
    assert hints == {"never": False, "operator": True, "ask": True}


def test_answers_of_old_sessions_are_forgotten_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consent, "_MOST", 2)
    contexts: list[Any] = [
        SimpleNamespace(headers={"mcp-session-id": name}, protocol_version="2025-11-25") for name in "abc"
    ]
    consents = consent.Consents()
    for context in contexts:
        consents.note(context, True)
    assert [consents.recall(context) for context in contexts] == [None, True, True]
