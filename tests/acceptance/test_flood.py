"""A real server process with few files survives more connections than it may have, and says so once."""

from __future__ import annotations

import socket
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
from mcp import Client
from processes import free_port, served

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.usefixtures("patient_client"),
    pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit"),
]


async def test_a_flood_of_silent_connections_does_not_stop_the_server(tmp_path: Path, own_cache: Path) -> None:
    port, log = free_port(), tmp_path / "log.txt"
    serve = f"{sys.executable} -m uniner_mcp serve --transport http --port {port} 2>{log}"
    url = f"http://127.0.0.1:{port}"
    with served(["sh", "-c", f"ulimit -n 256; exec {serve}"], port) as process, ExitStack() as open_ones:
        streams = [open_ones.enter_context(socket.create_connection(("127.0.0.1", port), 60)) for _ in range(400)]
        assert streams[-1].recv(1) == b""  # Far beyond the bound: closed at once.
        open_ones.close()
        async with Client(f"{url}/mcp") as client:
            result = await client.call_tool("extract_entities", {"text": "Ada met Bob.", "entity_types": ["person"]})
        assert not result.is_error and process.poll() is None
    said = log.read_text(encoding="utf-8")
    assert said.count("More than 128 connections") == 1 and said.count("\n") == 3, said


async def test_more_clients_than_connections_are_told_to_come_back(tmp_path: Path) -> None:
    port = free_port()
    serve = f"{sys.executable} -m uniner_mcp serve --transport http --port {port}"
    request = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with served(["sh", "-c", f"ulimit -n 256; exec {serve}"], port), ExitStack() as open_ones:
        replies: list[bytes] = []
        for _ in range(140):
            stream = open_ones.enter_context(socket.create_connection(("127.0.0.1", port), 60))
            stream.sendall(request)
            replies.append(stream.recv(65536).split(b"\r\n")[0])
    assert replies[:120] == [b"HTTP/1.1 200 OK"] * 120
    assert replies[-1] == b"HTTP/1.1 503 Service Unavailable"
