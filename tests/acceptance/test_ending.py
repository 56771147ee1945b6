"""A real server process ends in one way, whoever asks it to: running calls are answered, and the cache is closed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client
from processes import free_port, served

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("patient_client")]
COMMAND = [sys.executable, "-m", "uniner_mcp", "serve"]
TEXT = "Ada Lovelace met Charles Babbage in London."
CALL = {"name": "extract_entities", "arguments": {"text": TEXT, "entity_types": ["person"]}}
OPENING: dict[str, Any] = {
    "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"},
}  # fmt: skip


def lines(*calls: tuple[str, dict[str, Any]]) -> bytes:
    """An opened connection and requests with ids from 1, as JSON lines."""
    messages: list[dict[str, Any]] = [
        {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": OPENING},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
    ]
    for number, (method, params) in enumerate(calls, start=1):
        messages.append({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
    return "".join(json.dumps(message) + "\n" for message in messages).encode()


@contextmanager
def started(stdin: int) -> Iterator[subprocess.Popen[bytes]]:
    """A server over stdio."""
    with subprocess.Popen(COMMAND, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


def ended(process: subprocess.Popen[bytes]) -> str:
    """What it printed on stderr, once it has ended."""
    assert process.stderr is not None
    assert process.wait(60) == 0
    return process.stderr.read().decode()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_signal_ends_a_server_whose_input_is_open(number: signal.Signals, own_cache: Path) -> None:
    reading, writing = os.pipe()
    with started(reading) as process:
        assert process.stdout is not None
        os.write(writing, lines(("tools/call", CALL)))
        assert "result" in json.loads(process.stdout.readline())
        assert "Ada Lovelace" in process.stdout.readline().decode()
        process.send_signal(number)
        said = ended(process)
    os.close(reading)
    os.close(writing)
    assert "Traceback" not in said and said.count("\n") == 1
    assert own_cache.exists() and not own_cache.with_name(f"{own_cache.name}-wal").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
def test_one_ctrl_c_at_a_terminal_ends_it() -> None:
    import pty

    master, slave = pty.openpty()
    with started(slave) as process:
        assert process.stdout is not None
        os.write(master, lines())
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert "Traceback" not in ended(process)
    os.close(master)
    os.close(slave)


def test_requests_before_the_end_of_the_input_are_answered(own_cache: Path) -> None:
    sent = lines(("tools/list", {}), ("tools/call", CALL), ("tools/call", {"name": "list_domains", "arguments": {}}))
    done = subprocess.run(COMMAND, input=sent, capture_output=True, timeout=120)
    answers = {message["id"]: message for message in map(json.loads, done.stdout.splitlines())}
    assert answers.keys() == {0, 1, 2, 3} and all("result" in answer for answer in answers.values())
    assert done.returncode == 0 and b"Traceback" not in done.stderr
    assert not own_cache.with_name(f"{own_cache.name}-wal").exists()


def test_a_second_signal_ends_running_calls_too(document: str) -> None:
    text = document * 10
    reading, writing = os.pipe()
    with started(reading) as process:
        assert process.stdout is not None
        arguments = {"text": text, "entity_types": [f"type {n}" for n in range(60)]}
        params = {"name": "extract_entities", "arguments": arguments, "_meta": {"progressToken": "p"}}
        threading.Thread(target=os.write, args=(writing, lines(("tools/call", params))), daemon=True).start()
        process.stdout.readline()
        assert "notifications/progress" in process.stdout.readline().decode()
        rest = threading.Thread(target=process.stdout.read, daemon=True)
        rest.start()
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
        assert "Traceback" not in ended(process)
        rest.join()
    os.close(reading)
    os.close(writing)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_sigterm_over_http_closes_the_cache(mode: str, own_cache: Path) -> None:
    port = free_port()
    with served([*COMMAND, "--transport", "http", "--port", str(port)], port) as process:
        async with Client(f"http://127.0.0.1:{port}/mcp", mode=mode) as client:
            result = await client.call_tool("extract_entities", CALL["arguments"])  # type: ignore[arg-type]
            assert not result.is_error and own_cache.with_name(f"{own_cache.name}-wal").exists()
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    assert own_cache.exists() and not own_cache.with_name(f"{own_cache.name}-wal").exists()


async def test_a_damaged_model_is_alive_but_not_ready_and_the_reason_names_no_path(tmp_path: Path) -> None:
    from shutil import copytree

    from uniner_mcp.engines.nano.manifest import SHIPPED

    weights = copytree(SHIPPED, tmp_path / "weights")
    damaged = max(weights.glob("*.onnx"), key=lambda file: file.stat().st_size)
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"?")
    port = free_port()
    environment = {**os.environ, "UNINER_NANO_PATH": str(weights)}
    with served([*COMMAND, "--transport", "http", "--port", str(port)], port, env=environment):
        async with httpx2.AsyncClient(timeout=60) as client:
            alive = await client.get(f"http://127.0.0.1:{port}/health")
            ready = await client.get(f"http://127.0.0.1:{port}/ready")
    assert alive.status_code == 200
    assert ready.status_code == 503 and "doctor" in ready.json()["reason"] and str(tmp_path) not in ready.text
