"""Consent over a real socket: a server process, and real clients of both eras with a person behind them."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from engines.policies import write_policy
from engines.teacher_server import teacher_server
from mcp import Client, StdioServerParameters
from processes import free_port, served
from server.test_consent import YES, Person, call

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("patient_client")]


def command(policy: str) -> list[str]:
    local = ["--engine", "vllm", "--base-url", "http://127.0.0.1:9/v1", "--model", "tiny"]
    return [sys.executable, "-m", "uniner_mcp", "serve", *local, "--fallback", policy]


def environment(folder: Path) -> dict[str, str]:
    return {
        **os.environ,
        "UNINER_TIMEOUT_S": "0.2",
        "UNINER_CACHE": "false",
        "UNINER_LEDGER_PATH": str(folder / "ledger.sqlite"),
    }


@asynccontextmanager
async def reachable(folder: Path, policy: str, transport: str) -> AsyncIterator[str | StdioServerParameters]:
    start = command(policy)
    if transport == "stdio":
        yield StdioServerParameters(command=start[0], args=start[1:], env=environment(folder), cwd=str(folder))
        return
    port = free_port()
    with served([*start, "--transport", "http", "--port", str(port)], port, cwd=folder, env=environment(folder)):
        yield f"http://127.0.0.1:{port}/mcp"


@pytest.mark.parametrize(("transport", "era", "times"), [
    ("stdio", "auto", 1), ("stdio", "legacy", 1), ("http", "legacy", 1),
    ("http", "auto", 2),  # Revision 2026-07-28 has no sessions over HTTP: nothing is remembered there.
])  # fmt: skip
async def test_the_person_is_asked_once_for_a_connection(tmp_path: Path, transport: str, era: str, times: int) -> None:
    person = Person(YES)
    async with teacher_server().running() as teacher:
        policy = write_policy(tmp_path, "on-failure", teacher, top='consent = "ask"')
        async with reachable(tmp_path, policy, transport) as target:
            async with Client(target, mode=era, elicitation_callback=person) as client:
                outcomes = [await call(client), await call(client)]
            assert len(person.asked) == times
            async with Client(target, mode=era) as other:
                refused = await call(other)
    for outcome in outcomes:
        assert [entity["text"] for entity in outcome["entities"]] == ["Maria Keller", "Berlin"]
        (taught,) = outcome["answered_by"]
        assert (taught["engine"], taught["questions"], taught["input_tokens"]) == ("teacher", 2, 100)
    assert "nothing was sent" in refused["error"]
