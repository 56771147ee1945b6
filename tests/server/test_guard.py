"""No error and no log line of the protocol repeats what the caller sent, whatever the method."""

from __future__ import annotations

import logging
from typing import Any

import httpx2
import pytest
from doubles import names_engine
from mcp import Client, MCPError
from mcp.types import INVALID_PARAMS, METHOD_NOT_FOUND, PromptReference
from server.serving import serving

from uniner_mcp import Extractor, Settings
from uniner_mcp.domains import domain_list
from uniner_mcp.server import logs
from uniner_mcp.server.app import UninerServer, build_server

pytestmark = pytest.mark.anyio
SECRET = "Zaphod"


@pytest.fixture
def everything(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG)
    return caplog


@pytest.fixture
def server() -> UninerServer:
    return build_server(Extractor(names_engine(), Settings()), domain_list())


@pytest.fixture(params=["auto", "legacy"])
def era(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        ({"text": "x", SECRET: SECRET}, "takes only the arguments text, domain"),
        ({"text": "x", "extra": SECRET}, "takes only the arguments text, domain"),
        ({"domain": SECRET}, "needs the argument `text`"),
        ({"text": SECRET, "domain": SECRET}, "The domains are: biomedical"),
    ],
)
async def test_wrong_arguments_of_a_prompt_are_invalid_parameters_with_advice(
    everything: pytest.LogCaptureFixture, server: UninerServer, era: str, arguments: dict[str, str], advice: str
) -> None:
    async with Client(server, mode=era) as client:
        with pytest.raises(MCPError) as caught:
            await client.get_prompt("annotate", arguments)
    assert caught.value.code == INVALID_PARAMS
    assert advice in str(caught.value)
    assert SECRET not in f"{caught.value.error!r}{everything.text}"


@pytest.mark.parametrize(
    ("method", "arguments", "advice"),
    [
        ("get_prompt", (SECRET,), "The prompts are: annotate"),
        ("call_tool", (SECRET, {}), "The tools are: extract_entities, list_domains"),
        ("read_resource", (f"uniner://{SECRET}",), "list the resources"),
        ("read_resource", (f"uniner://domains/{SECRET}",), "The domains are: "),
        ("read_resource", (f"uniner://domains/%2e%2e/{SECRET}",), "list the resources"),
    ],
)
async def test_what_does_not_exist_is_an_invalid_parameter_with_advice(
    everything: pytest.LogCaptureFixture, server: UninerServer, era: str, method: str, arguments: Any, advice: str
) -> None:
    async with Client(server, mode=era) as client:
        with pytest.raises(MCPError) as caught:
            await getattr(client, method)(*arguments)
    assert caught.value.code == INVALID_PARAMS
    assert advice in str(caught.value)
    assert SECRET not in f"{caught.value.error.message}{everything.text}"
    # The specification wants the URI of a resource that does not exist, and nothing else of the caller's.
    assert caught.value.error.data == ({"uri": arguments[0]} if method == "read_resource" else None)


async def test_completions_of_unknown_things_are_empty_and_not_logged(
    everything: pytest.LogCaptureFixture, server: UninerServer, era: str
) -> None:
    async with Client(server, mode=era) as client:
        done = await client.complete(PromptReference(name=SECRET), {"name": SECRET, "value": SECRET})
    assert done.completion.values == [] and SECRET not in everything.text


@pytest.mark.parametrize("method", ["get_prompt", "call_tool", "read_resource"])
async def test_a_crash_in_any_method_is_logged_by_its_place_and_reported_by_its_type(
    everything: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    server: UninerServer,
    era: str,
    method: str,
) -> None:
    def crash(*_: object) -> None:
        raise LookupError(SECRET)

    monkeypatch.setattr("uniner_mcp.server.prompts.find_domain", crash)
    monkeypatch.setattr("uniner_mcp.server.resources.find_domain", crash)
    monkeypatch.setattr("uniner_mcp.server.tools.view", crash)
    calls: dict[str, Any] = {
        "get_prompt": ("annotate", {"text": "x"}),
        "call_tool": ("extract_entities", {"text": "Ada", "entity_types": ["person"]}),
        "read_resource": ("uniner://domains/law",),
    }
    async with Client(server, mode=era) as client:
        try:
            said = repr(await getattr(client, method)(*calls[method]))
        except MCPError as error:
            said = repr(error.error)
    assert "failed unexpectedly" in said and "its log says where" in said
    assert "failed: " in everything.text and "Error at " in everything.text
    assert SECRET not in said + everything.text


@pytest.mark.parametrize("domain", [None, ""])
async def test_the_prompt_without_a_domain_takes_the_general_one(
    server: UninerServer, era: str, domain: str | None
) -> None:
    async with Client(server, mode=era) as client:
        given = {"text": "Ada met Tom."} | ({} if domain is None else {"domain": domain})
        prompt = await client.get_prompt("annotate", given)
    assert '"general"' in prompt.messages[0].content.text  # type: ignore[union-attr]


async def test_a_refused_host_is_logged_once_and_not_by_its_name(
    everything: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs._BOUNDED, "_seldom", logs.Seldom())
    async with serving(names_engine()) as served, httpx2.AsyncClient() as client:
        for number in range(20):
            headers = {"Host": f"{SECRET}{number}.example", "Content-Type": "application/json"}
            assert (await client.post(served.url, content="{}", headers=headers)).status_code == 421
    said = [record.getMessage() for record in everything.records if "Host" in record.getMessage()]
    assert len(said) == 1 and "--allowed-host" in said[0]
    assert SECRET not in "".join(r.getMessage() for r in everything.records if r.name.startswith("mcp"))


@pytest.mark.parametrize("body", [f'{{"{SECRET}": ', f'{{"{SECRET}": "{SECRET}"}}', f'"{SECRET}"', "[]"])
@pytest.mark.parametrize("version", ["2025-06-18", "2026-07-28"])
async def test_a_body_that_is_not_json_rpc_is_not_quoted(
    everything: pytest.LogCaptureFixture, body: str, version: str
) -> None:
    headers = {
        "Content-Type": "application/json", "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": version,
    }  # fmt: skip
    async with serving(names_engine()) as served, httpx2.AsyncClient() as client:
        reply = await client.post(served.url, content=body, headers=headers)
    assert reply.status_code in (202, 400), reply.text
    if reply.status_code == 400:
        assert reply.json()["error"]["message"]
    said = "".join(r.getMessage() for r in everything.records if r.name.startswith(("mcp", "uni", "uvicorn", "sse")))
    assert SECRET not in reply.text + said


async def test_a_method_that_does_not_exist_is_not_repeated(era: str) -> None:
    version = "2026-07-28" if era == "auto" else "2025-06-18"
    headers = {
        "Accept": "application/json, text/event-stream", "MCP-Protocol-Version": version, "Mcp-Method": SECRET,
    }  # fmt: skip
    meta = {
        "io.modelcontextprotocol/protocolVersion": version, "io.modelcontextprotocol/clientCapabilities": {},
    }  # fmt: skip
    async with serving(names_engine()) as served, httpx2.AsyncClient() as client:
        if era == "legacy":
            opening = {"protocolVersion": version, "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}}
            start = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": opening}
            headers["Mcp-Session-Id"] = (await client.post(served.url, json=start, headers=headers)).headers[
                "mcp-session-id"
            ]
        call = {"jsonrpc": "2.0", "id": 1, "method": SECRET, "params": {"_meta": meta} if era == "auto" else {}}
        reply = await client.post(served.url, json=call, headers=headers)
    assert str(METHOD_NOT_FOUND) in reply.text and SECRET not in reply.text
