"""Which requests reach the server, and what the operator is told about that."""

from __future__ import annotations

import subprocess
import sys

import httpx2
import pytest
from doubles import names_engine
from processes import free_port
from server.serving import serving

from uniner_mcp.errors import SettingsError
from uniner_mcp.server.addresses import allowed, check_names, is_loopback

pytestmark = pytest.mark.anyio
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 0,
    "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}},
}
NOBODY_CHECKS = "anyone who can reach this port can use the server; put it behind an authenticating proxy"


async def test_the_address_it_listens_on_is_allowed() -> None:
    async with serving(names_engine(), host="127.0.0.2") as served, httpx2.AsyncClient() as client:
        url = f"http://127.0.0.2:{served.port}/mcp"
        assert (await client.post(url, json={})).status_code != 421
        assert (await client.post(url, json={}, headers={"Host": "elsewhere.example"})).status_code == 421


@pytest.mark.parametrize(
    "name", ["ner.example.org", "NER.Example.org", "ner.example.org:8443", "10.0.0.1", "[fe80::1]"]
)
def test_names_that_a_request_may_have_are_accepted(name: str) -> None:
    check_names([name])
    assert name.lower() in allowed("0.0.0.0", [name]).allowed_hosts


@pytest.mark.parametrize(
    "name",
    ["*.example.org", "https://example.org", "example.org/mcp", "ex ample.org", "", "::1", "example.org:", "ä.de"],
)
def test_names_that_no_request_can_have_are_refused(name: str) -> None:
    with pytest.raises(SettingsError, match="without scheme, path, spaces or wildcards"):
        check_names(["fine.example", name])


@pytest.mark.parametrize(
    ("host", "alone"),
    [("127.0.0.1", True), ("127.0.0.2", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("::", False)],
)
def test_only_loopback_addresses_count_as_this_machine_alone(host: str, alone: bool) -> None:
    assert is_loopback(host) == alone


def said_by_serve(until: str, *options: str) -> tuple[int, str]:
    """The exit code and stderr of a server that is stopped once it has said `until`."""
    command = [sys.executable, "-m", "uniner_mcp", "serve", "--transport", "http", "--port", str(free_port())]
    with subprocess.Popen([*command, *options], stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = ""
        for line in process.stderr:
            said += line
            if until in line:
                process.terminate()
        return process.wait(), said


@pytest.mark.parametrize("form", ["*.example.org", "https://example.org"])
def test_serve_refuses_such_a_name_as_wrong_usage(form: str) -> None:
    code, said = said_by_serve("listening", "--allowed-host", form)
    assert code == 2 and "allowed_hosts" in said and "engine:" not in said


@pytest.mark.parametrize("more", [(), ("--allowed-host", "ner.example.org")])
def test_serve_says_in_one_line_that_nobody_is_asked_who_they_are(more: tuple[str, ...]) -> None:
    _, said = said_by_serve(NOBODY_CHECKS if more else "--allowed-host NAME", "--host", "0.0.0.0", *more)
    assert sum(NOBODY_CHECKS in line for line in said.splitlines()) == 1
    assert ("keeps web pages out but not the network" in said) == (not more)


def test_a_local_server_does_not_warn() -> None:
    _, said = said_by_serve("listening")
    assert NOBODY_CHECKS not in said


@pytest.mark.parametrize(
    ("origin", "welcome"),
    [
        ("http://localhost:6274", True),
        ("https://ner.example.org", True),
        ("https://evil.example", False),
        ("https://ner.example.org.evil.example", False),
        ("https://nerXexample.org", False),
        ("null", False),
    ],
)
async def test_pages_of_allowed_hosts_may_use_the_server_and_no_others(origin: str, welcome: bool) -> None:
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type, mcp-session-id, mcp-protocol-version",
    }
    async with (
        serving(names_engine(), allowed_hosts=["ner.example.org"]) as served,
        httpx2.AsyncClient(headers={"Accept": "application/json, text/event-stream"}) as client,
    ):
        preflight = await client.options(served.url, headers=asked)
        answer = await client.post(served.url, json=INITIALIZE, headers={"Origin": origin})
    assert (preflight.status_code == 200) == welcome
    assert ("access-control-allow-origin" in answer.headers) == welcome
    assert answer.status_code == (200 if welcome else 403)
    if welcome:
        assert preflight.headers["access-control-allow-origin"] == origin
        assert "mcp-session-id" in preflight.headers["access-control-allow-headers"]
        assert "mcp-session-id" in answer.headers["access-control-expose-headers"].lower()
