"""What leaves the machine, and what is logged: nothing of the caller's, unless the operator's policy lets it."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from clock import LIMIT, Clock
from engines.fault_server import FaultServer
from engines.policies import write_policy
from engines.teacher_server import FAULTS, teacher_server
from hypothesis import given, settings
from hypothesis import strategies as st
from mcp import Client, StdioServerParameters
from processes import free_port, served

from uniner_mcp import Extractor, Settings
from uniner_mcp.domains import domain_list
from uniner_mcp.server.app import build_server

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("patient_client")]
ELSEWHERE = "http://192.0.2.1:9/v1"  # A documentation address (RFC 5737): the guard stops what goes there.
TEXT = "Maria Keller works for Acme Robotics in Berlin."
GUARD = """
import os, sys

def watch(event, arguments):
    if event in ("socket.connect", "socket.sendto", "socket.getaddrinfo", "socket.gethostbyname"):
        address = arguments[1] if event in ("socket.connect", "socket.sendto") else arguments[0]
        host = address[0] if isinstance(address, tuple) else address
        if isinstance(host, str) and not host.startswith(("127.", "/", "\\0")) and host not in ("::1", "localhost", ""):
            with open(os.environ["GUARD_LOG"], "a") as log:
                log.write(f"{event} {host}\\n")
            raise OSError("the guard lets nothing leave this machine")

sys.addaudithook(watch)
"""


@pytest.mark.parametrize(
    ("consent", "engine", "leaves"),
    [
        (None, "nano", False), (None, "vllm", False), ("never", "nano", False), ("never", "vllm", False),
        ("ask", "vllm", False), ("operator", "vllm", True),
    ],
)  # fmt: skip
async def test_no_connection_leaves_this_machine_unless_the_policy_lets_it(
    tmp_path: Path, consent: str | None, engine: str, leaves: bool
) -> None:
    """Under a guard on every socket of the server process; the last case shows that the guard would see it."""
    (tmp_path / "sitecustomize.py").write_text(GUARD, encoding="utf-8")
    log = tmp_path / "guard.log"
    fallback = "none"
    if consent is not None:
        more = "[triggers]\naccuracy_below = 100\nconfidence_below = 1.0\n"
        fallback = write_policy(tmp_path, "on-failure", ELSEWHERE, more, f'consent = "{consent}"', timeout_s=0.2)
    environment = {
        **os.environ, "PYTHONPATH": str(tmp_path), "GUARD_LOG": str(log), "UNINER_TIMEOUT_S": "0.2",
        "UNINER_ENGINE": engine, "UNINER_FALLBACK": fallback, "UNINER_LEDGER_PATH": str(tmp_path / "ledger.sqlite"),
        **({} if engine == "nano" else {"UNINER_BASE_URL": "http://127.0.0.1:9/v1", "UNINER_MODEL": "tiny"}),
    }  # fmt: skip
    server = StdioServerParameters(
        command=sys.executable, args=["-m", "uniner_mcp", "serve"], env=environment, cwd=str(tmp_path)
    )
    async with Client(server) as client:
        result = await client.call_tool("extract_entities", {"text": TEXT, "domain": "general"})
    assert result.is_error == (engine != "nano")
    assert log.exists() == leaves, log.read_text() if log.exists() else ""


class Collected(logging.Handler):
    """Keeps every record as it would be written, with its arguments and its traceback."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{record.name} {self.format(record)} {record.args!r}")


@contextmanager
def all_logs() -> Iterator[list[str]]:
    """Everything that any logger says, at every level."""
    handler, root = Collected(), logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield handler.lines
    finally:
        root.removeHandler(handler)
        root.setLevel(before)


WORDS = st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), min_size=1, max_size=30)


@settings(max_examples=25)
@given(
    around=WORDS,
    fault=st.sampled_from([None, *FAULTS]),
    local=st.sampled_from(["400", "html", "unreadable", "refusal"]),
)
async def test_no_log_at_any_level_holds_the_callers_text_or_a_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: Clock, around: str, fault: str | None, local: str
) -> None:
    faults = {None: None, **FAULTS, "no-reply": clock.never_replies()}
    secret, key = "Zaphod Beeblebrox", "sk-" + "x7" * 12
    monkeypatch.setenv("TEACHER_KEY", key)
    text = f"{around} {secret} {around}"
    async with (
        FaultServer(owned_by="vllm", always=FAULTS[local]).running() as server,
        teacher_server(always=faults[fault]).running() as teacher,
    ):
        policy = write_policy(tmp_path, "on-failure", teacher)
        written = Path(policy).read_text(encoding="utf-8")
        with_key = written.replace('key_variable = ""', 'key_variable = "TEACHER_KEY"')
        Path(policy).write_text(with_key, encoding="utf-8")
        given: dict[str, Any] = {
            "engine": "vllm", "base_url": server.url, "model": "tiny", "timeout_s": LIMIT, "fallback": policy,
            "api_key": key, "request_timeout_s": 3 * LIMIT, "cache_path": tmp_path / "answers.sqlite",
            "ledger_path": tmp_path / "ledger.sqlite",
        }  # fmt: skip
        with all_logs() as lines:
            async with (
                Extractor.open(Settings(**given)) as extractor,
                Client(build_server(extractor, domain_list())) as client,
            ):
                arguments = {"text": text, "entity_types": [secret], "meanings": [{"type": secret, "meaning": secret}]}
                result = await client.call_tool("extract_entities", arguments)
        assert not [head for head in teacher.heads if key not in head["authorization"]]  # It was really used.
    assert lines
    for line in [*lines, *((str(result.content),) if result.is_error else ())]:
        assert secret not in line and key not in line and json.dumps(secret) not in line


EVERYTHING = """
import logging, sys
logging.basicConfig(level=1, filename=sys.argv.pop(1))
from uniner_mcp.cli import main
main()
"""


@pytest.mark.parametrize("era", ["auto", "legacy"])
@pytest.mark.parametrize("transport", ["stdio", "http"])
async def test_nor_do_the_logs_of_a_server_process(tmp_path: Path, transport: str, era: str) -> None:
    log = tmp_path / "everything.log"
    command = [sys.executable, "-c", EVERYTHING, str(log), "serve", "--transport", transport]
    async with AsyncExitStack() as stack:
        if transport == "http":
            port = free_port()
            stack.enter_context(served([*command, "--port", str(port)], port))
            target: str | StdioServerParameters = f"http://127.0.0.1:{port}/mcp"
        else:
            target = StdioServerParameters(command=command[0], args=command[1:], env={**os.environ})
        client = await stack.enter_async_context(Client(target, mode=era))
        result = await client.call_tool("extract_entities", {"text": TEXT, "entity_types": ["person"]})
    assert result.structured_content is not None and result.structured_content["entities"]
    written = log.read_text(encoding="utf-8")
    assert "DEBUG" in written and "Keller" not in written
