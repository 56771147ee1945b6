"""Work for a client ends when it leaves, in both protocol eras; the server ends after running calls are answered."""

from __future__ import annotations

import logging
from typing import Any

import anyio
import httpx2
import pytest
from doubles import names_engine
from mcp import Client
from server.serving import serving

from uniner_mcp.engines.base import Passage
from uniner_mcp.engines.scripted import ScriptedEngine
from uniner_mcp.schema import EntityType

pytestmark = pytest.mark.anyio
ARGUMENTS = {"text": "Ada", "entity_types": ["person"]}
LEGACY = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-06-18"}
OPENING = {
    "jsonrpc": "2.0",
    "id": 0,
    "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}},
}
CANCEL = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}}
CALL = {
    "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "extract_entities", "arguments": ARGUMENTS},
}  # fmt: skip


class Slow:
    """An engine that answers when it is told to, and notes whether it was stopped before."""

    def __init__(self) -> None:
        self.started, self.may_answer, self.stopped = anyio.Event(), anyio.Event(), anyio.Event()
        self.engine = ScriptedEngine(self._script)

    async def _script(self, passage: Passage, kind: EntityType) -> list[str]:
        self.started.set()
        try:
            await self.may_answer.wait()
        except BaseException:
            self.stopped.set()
            raise
        return ["Ada"]


@pytest.fixture(params=["auto", "legacy"])
def era(request: pytest.FixtureRequest) -> str:
    return request.param


async def abandon(url: str, version: str, slow: Slow) -> None:
    """Call the tool with a bare HTTP client, and close the connection once the engine has begun."""
    headers = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": version}
    params: dict[str, Any] = {"name": "extract_entities", "arguments": ARGUMENTS}
    async with httpx2.AsyncClient(headers=headers, timeout=60) as client:
        if version == "2026-07-28":
            client.headers |= {"Mcp-Method": "tools/call", "Mcp-Name": "extract_entities"}
            key = "io.modelcontextprotocol/"
            params["_meta"] = {f"{key}protocolVersion": version, f"{key}clientCapabilities": {}}
        else:
            opening = {"protocolVersion": version, "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}}
            start = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": opening}
            session = (await client.post(url, json=start)).headers["mcp-session-id"]
            client.headers["Mcp-Session-Id"] = session
            await client.post(url, json={"jsonrpc": "2.0", "method": "notifications/initialized"})
        call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
        async with anyio.create_task_group() as group:
            group.start_soon(lambda: client.post(url, json=call))
            await slow.started.wait()
            group.cancel_scope.cancel()


@pytest.mark.parametrize("stateless", [False, True])
@pytest.mark.parametrize("version", ["2025-06-18", "2025-11-25", "2026-07-28"])
async def test_a_call_is_cancelled_when_its_client_is_gone(version: str, stateless: bool) -> None:
    slow = Slow()
    async with serving(slow.engine, stateless=stateless) as served:
        await abandon(served.url, version, slow)
        with anyio.fail_after(30):
            await slow.stopped.wait()


@pytest.mark.parametrize("stateless", [False, True])
async def test_a_call_is_cancelled_by_its_session_only_though_the_connection_stays_open(stateless: bool) -> None:
    slow = Slow()
    async with (
        serving(slow.engine, stateless=stateless) as served,
        httpx2.AsyncClient(headers=LEGACY, timeout=60) as client,
        anyio.create_task_group() as group,
    ):
        own, other = [(await client.post(served.url, json=OPENING)).headers["mcp-session-id"] for _ in range(2)]
        assert own != other

        async def cancel(session: str) -> None:
            answer = await client.post(served.url, json=CANCEL, headers={"Mcp-Session-Id": session})
            assert answer.status_code == 202

        group.start_soon(lambda: client.post(served.url, json=CALL, headers={"Mcp-Session-Id": own}))
        await slow.started.wait()
        await cancel(other)
        await client.post(
            served.url, json={"jsonrpc": "2.0", "id": 2, "method": "tools/list"}, headers={"Mcp-Session-Id": other}
        )
        assert not slow.stopped.is_set()
        await cancel(own)
        with anyio.fail_after(30):
            await slow.stopped.wait()
        group.cancel_scope.cancel()


async def test_a_stateless_server_answers_a_session_from_before_its_restart() -> None:
    async with httpx2.AsyncClient(headers=LEGACY, timeout=60) as client:
        async with serving(names_engine(), stateless=True) as served:
            session = (await client.post(served.url, json=OPENING)).headers["mcp-session-id"]
        async with serving(names_engine(), stateless=True) as served:
            answer = await client.post(served.url, json=CALL, headers={"Mcp-Session-Id": session})
    assert answer.status_code == 200 and "Ada" in answer.text


async def test_a_running_call_is_answered_before_the_server_ends(era: str, caplog: pytest.LogCaptureFixture) -> None:
    slow = Slow()
    async with serving(slow.engine, drain_timeout_s=60) as served, Client(served.url, mode=era) as client:
        found: list[Any] = []

        async def call() -> None:
            found.append(await client.call_tool("extract_entities", ARGUMENTS))

        await client.list_tools()  # Otherwise the client asks for them after the call.
        async with anyio.create_task_group() as group:
            group.start_soon(call)
            await slow.started.wait()
            served.stop.ask()
            await refuses_connections(served.port)
            slow.may_answer.set()
        assert not found[0].is_error and found[0].structured_content["entities"]
        with anyio.fail_after(30):
            await served.ended.wait()
    assert not [r for r in caplog.records if r.levelno >= logging.WARNING and not r.name.startswith("mcp.client")]


async def test_a_call_that_takes_longer_than_the_drain_timeout_is_cancelled(
    era: str, caplog: pytest.LogCaptureFixture
) -> None:
    slow = Slow()
    async with serving(slow.engine, drain_timeout_s=0.1) as served, anyio.create_task_group() as group:
        group.start_soon(abandoned_by_server, served.url, era)
        await slow.started.wait()
        served.stop.ask()
        with anyio.fail_after(30):
            await slow.stopped.wait()
            await served.ended.wait()
        group.cancel_scope.cancel()
    said = [r.getMessage() for r in caplog.records if r.name.startswith(("uvicorn", "uniner"))]
    assert not said


async def abandoned_by_server(url: str, era: str) -> None:
    try:
        async with Client(url, mode=era) as client:
            await client.call_tool("extract_entities", ARGUMENTS)
    except Exception:
        pass


async def refuses_connections(port: int) -> None:
    with anyio.fail_after(30):
        while True:
            try:
                await (await anyio.connect_tcp("127.0.0.1", port)).aclose()
            except OSError:
                return
            await anyio.sleep(0.01)
