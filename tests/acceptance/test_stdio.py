"""What a client gets over stdio that writes lines of its own making."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

INITIALIZE = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "0"}}
CALL = {"name": "extract_entities", "arguments": {"text": "Ada met Tom.", "entity_types": ["person"]}}
COMMAND = [sys.executable, "-m", "uniner_mcp", "serve"]


def line(method: str, params: object, number: int | None = None) -> str:
    return json.dumps({"jsonrpc": "2.0", "method": method, "params": params} | ({"id": number} if number else {}))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A server that has been initialized."""
    pipe = subprocess.PIPE
    with subprocess.Popen(COMMAND, stdin=pipe, stdout=pipe, stderr=pipe, text=True, cwd=tmp_path) as process:
        write(process, line("initialize", INITIALIZE, 1), line("notifications/initialized", {}))
        assert process.stdout is not None and json.loads(process.stdout.readline())["id"] == 1
        yield process
        process.kill()


def write(process: subprocess.Popen[str], *lines: str) -> None:
    assert process.stdin is not None
    process.stdin.write("".join(f"{one}\n" for one in lines))
    process.stdin.flush()


def test_every_line_is_answered_also_one_that_is_no_request(server: subprocess.Popen[str]) -> None:
    surrogate = line("tools/call", CALL, 2).replace("Ada", "\\ud83d")
    wrong_id = '{"jsonrpc": "2.0", "id": "\\ud83d", "method": "ping"}'
    write(server, surrogate, line("tools/call", [], 3), "nonsense", "[]", "", wrong_id, line("tools/call", CALL, 4))
    out, _ = server.communicate()
    answers: list[Any] = [json.loads(one) for one in out.splitlines()]
    assert [(one["id"], one.get("error", {}).get("code")) for one in answers] == [
        (2, -32600), (3, -32600), (None, -32700), (None, -32600), (None, -32600), (4, None),
    ]  # fmt: skip
    assert "Tom" not in str(answers[:-1]) and server.returncode == 0


def test_a_client_that_closes_its_end_leaves_no_traceback(server: subprocess.Popen[str]) -> None:
    assert server.stdout is not None and server.stderr is not None
    server.stdout.close()
    write(server, line("tools/call", CALL, 2))
    said = server.stderr.read()
    assert server.wait() == 0 and "Traceback" not in said and "Tom" not in said


@pytest.mark.parametrize("closed", ["2>&-", "2> >(exec true)"])
def test_a_host_that_does_not_read_stderr_is_answered(closed: str, tmp_path: Path) -> None:
    command = f"exec {sys.executable} -m uniner_mcp serve {closed}"
    asked = f"{line('initialize', INITIALIZE, 1)}\n{line('tools/call', CALL, 2)}\n"
    done = subprocess.run(
        ["bash", "-c", command], input=asked, capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert [json.loads(one)["id"] for one in done.stdout.splitlines()] == [1, 2] and done.returncode == 0


def test_a_closed_standard_output_is_one_line(tmp_path: Path) -> None:
    command = f"exec {sys.executable} -m uniner_mcp serve >&-"
    done = subprocess.run(["bash", "-c", command], input="", capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 1 and "Standard output is closed" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize(("arguments", "status"), [("serve", 1), ("extract - --types person", 2)])
def test_a_closed_standard_input_is_one_line(arguments: str, status: int, tmp_path: Path) -> None:
    command = f"exec {sys.executable} -m uniner_mcp {arguments} <&-"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == status and "Standard input is closed" in done.stderr and "Traceback" not in done.stderr
