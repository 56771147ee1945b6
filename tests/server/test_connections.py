"""Connections over real sockets: bounded, closed when they only wait, and kept as long as clients keep them."""

from __future__ import annotations

import asyncio
import logging

import anyio
import httpx2
import pytest
from anyio.abc import SocketStream
from clock import Clock
from doubles import names_engine
from mcp import Client
from server.serving import serving

from uniner_mcp.engines.base import Passage
from uniner_mcp.engines.scripted import ScriptedEngine
from uniner_mcp.schema import EntityType
from uniner_mcp.server import connections, http
from uniner_mcp.server.connections import REQUEST_S, BoundedProtocol, Bounds
from uniner_mcp.server.logs import Seldom

pytestmark = pytest.mark.anyio
GET = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"


async def connect(port: int) -> SocketStream:
    return await anyio.connect_tcp("127.0.0.1", port)


async def rest(stream: SocketStream) -> bytes:
    """What the server sends until it closes the connection."""
    said = b""
    async with stream:
        try:
            async for part in stream:
                said += part
        except anyio.BrokenResourceError:
            pass
    return said


async def answer(stream: SocketStream) -> bytes:
    """The status line of the next response."""
    await stream.send(GET)
    return (await stream.receive()).split(b"\r\n")[0]


async def test_connections_beyond_the_bound_get_503_and_the_log_says_it_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(BoundedProtocol, "_seldom", Seldom())
    async with serving(names_engine()) as served:
        monkeypatch.setattr(BoundedProtocol, "bounds", Bounds(4, 6, 8))
        async with httpx2.AsyncClient(headers={"Connection": "close"}) as client:
            await client.get(served.at("/health"))
        held = [await connect(served.port) for _ in range(4)]
        assert [await answer(stream) for stream in held] == [b"HTTP/1.1 200 OK"] * 4
        further = [await connect(served.port) for _ in range(2)]
        for stream in further:
            await stream.send(GET)
        said = [await rest(stream) for stream in further]
        for reply in said:
            assert reply.startswith(b"HTTP/1.1 503") and b"retry-after: 5\r\n" in reply.lower()
        assert [await answer(stream) for stream in held] == [b"HTTP/1.1 200 OK"] * 4
        for stream in held:
            await stream.aclose()
    assert len([record for record in caplog.records if "connections" in record.getMessage()]) == 1


async def test_far_beyond_the_bound_a_connection_is_closed_without_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(names_engine()) as served:
        monkeypatch.setattr(BoundedProtocol, "bounds", Bounds(2, 3, 8))
        held = [await connect(served.port) for _ in range(12)]
        assert await rest(held[-1]) == b""
        for stream in held:
            await stream.aclose()


@pytest.mark.parametrize(
    "sent",
    [b"", b"POST /mcp HT", b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{"],
    ids=["nothing", "half a head", "half a body"],
)
async def test_a_connection_without_a_whole_request_is_closed(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, sent: bytes
) -> None:
    monkeypatch.setattr(http, "KEEP_ALIVE_S", 10**9)  # That is not what closes them.
    async with serving(names_engine()) as served:
        stream = await connect(served.port)
        if sent:
            await stream.send(sent)
        assert await rest_in_time(stream) == b""
        again = await connect(served.port)
        assert await answer(again) == b"HTTP/1.1 200 OK"  # Nor may the second request be half.
        if sent:
            await again.send(sent)
            assert b"HTTP/1.1" not in (await rest_in_time(again))[:8]
        await again.aclose()
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


async def rest_in_time(stream: SocketStream) -> bytes:
    """What the server sends until it closes the connection, while time passes quickly (with the fixture `clock`)."""

    async def hurry() -> None:
        while True:
            await asyncio.sleep(REQUEST_S)

    hurrying = asyncio.create_task(hurry())
    try:
        return await rest(stream)
    finally:
        hurrying.cancel()


async def test_a_call_may_take_longer_than_its_request_may_take_to_arrive(clock: Clock) -> None:
    async def script(passage: Passage, kind: EntityType) -> list[str]:
        await asyncio.sleep(REQUEST_S + 1)
        await asyncio.sleep(0)
        return ["Ada"]

    async with serving(ScriptedEngine(script), cache=False) as served, Client(served.url) as client:
        result = await client.call_tool("extract_entities", {"text": "Ada", "entity_types": ["person"]})
    assert not result.is_error and REQUEST_S + 1 in clock.slept


async def test_a_client_may_pause_longer_than_the_pools_of_clients() -> None:
    """httpx keeps idle connections for 5 seconds, nginx for 60; the server must not close them before."""
    async with serving(names_engine()) as served:
        stream = await connect(served.port)
        assert await answer(stream) == b"HTTP/1.1 200 OK"
        with anyio.move_on_after(6) as pause:
            assert await stream.receive()
        assert pause.cancelled_caught
        assert await answer(stream) == b"HTTP/1.1 200 OK"
        await stream.aclose()
    assert connections.KEEP_ALIVE_S > 60


@pytest.mark.parametrize("files", [256, 1024, 20_000])
def test_the_bounds_leave_files_to_the_rest_of_the_process(files: int) -> None:
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
        bounds = Bounds.here()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert bounds.served == files // 2
    assert bounds.open + 4 * bounds.accepted <= files - 30
