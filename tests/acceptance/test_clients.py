"""A real client and a real server process, over stdio and over a socket, in both protocol eras."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from mcp import Client, StdioServerParameters
from processes import free_port, served

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("patient_client")]
COMMAND = [sys.executable, "-m", "uniner_mcp"]
KNOWN = {("James Daly", 53, 63), ("Lowell Edmunds", 11029, 11043), ("Thomas Edison", 16356, 16369)}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port = free_port()
    folder = tmp_path_factory.mktemp("server")
    environment = {**os.environ, "UNINER_CACHE_PATH": str(folder / "answers.sqlite")}
    command = [*COMMAND, "serve", "--transport", "http", "--port", str(port)]
    with served(command, port, cwd=folder, env=environment):
        yield f"http://127.0.0.1:{port}/mcp"


def stdio(cache: Path) -> StdioServerParameters:
    return StdioServerParameters(
        command=COMMAND[0], args=[*COMMAND[1:], "serve"], env={**os.environ, "UNINER_CACHE_PATH": str(cache)}
    )


@pytest.mark.parametrize("mode", ["auto", "legacy"])
@pytest.mark.parametrize("transport", ["stdio", "http"])
async def test_a_five_page_document_is_extracted_with_progress_and_exact_offsets(
    transport: str, mode: str, url: str, document: str, own_cache: Path
) -> None:
    seen: list[float] = []

    async def note(progress: float, total: float | None, message: str | None) -> None:
        seen.append(progress)

    target = url if transport == "http" else stdio(own_cache)
    async with Client(target, mode=mode) as client:
        assert {tool.name for tool in (await client.list_tools()).tools} == {"extract_entities", "list_domains"}
        result = await client.call_tool(
            "extract_entities", {"text": document, "entity_types": ["person"]}, progress_callback=note
        )
    assert not result.is_error and result.structured_content is not None
    entities = result.structured_content["entities"]
    assert all(document[entity["start"] : entity["end"]] == entity["text"] for entity in entities)
    assert {(entity["text"], entity["start"], entity["end"]) for entity in entities} >= KNOWN
    assert len(seen) > 10 and seen == sorted(seen)


async def test_health_answers_and_a_foreign_host_is_refused(url: str) -> None:
    health = url.removesuffix("/mcp") + "/health"
    async with httpx2.AsyncClient() as client:
        assert (await client.get(health)).json()["engine"] == "nano"
        refused = await client.post(url, json={}, headers={"Host": "evil.example"})
    assert refused.status_code == 421
