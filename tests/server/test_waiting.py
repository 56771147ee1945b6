"""Calls beyond a bound are refused at once, and the others are served."""

from __future__ import annotations

import anyio
import pytest
from mcp import Client
from mcp.types import CallToolResult, TextContent

from uniner_mcp import Extractor, Settings
from uniner_mcp.domains import domain_list
from uniner_mcp.engines.base import Passage
from uniner_mcp.engines.scripted import ScriptedEngine
from uniner_mcp.schema import EntityType
from uniner_mcp.server.app import build_server

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("era", ["auto", "legacy"])
async def test_calls_beyond_the_waiting_ones_are_refused_and_told_when_to_come_back(era: str) -> None:
    may_answer, all_running = anyio.Event(), anyio.Event()
    running = 0

    async def script(passage: Passage, kind: EntityType) -> list[str]:
        nonlocal running
        running += 1
        if running == 3:
            all_running.set()
        await may_answer.wait()
        return ["Ada"]

    settings = Settings(concurrency=2, max_waiting=1)
    results: list[CallToolResult] = []
    async with Client(
        build_server(Extractor(ScriptedEngine(script), settings), domain_list(), settings), mode=era
    ) as c:

        async def call(number: int) -> None:
            results.append(await c.call_tool("extract_entities", {"text": f"Ada {number}", "entity_types": ["person"]}))

        async with anyio.create_task_group() as group:
            for number in range(3):
                group.start_soon(call, number)
            await all_running.wait()
            await call(3)
            (refused,) = results
            (block,) = refused.content
            assert refused.is_error and isinstance(block, TextContent)
            assert "overloaded" in block.text and "after 5 seconds" in block.text
            may_answer.set()
        await call(4)
    assert [result.is_error for result in results] == [True, False, False, False, False]


async def test_a_call_that_fails_gives_its_place_back() -> None:
    settings = Settings(concurrency=1, max_waiting=0)
    async with Client(build_server(Extractor(ScriptedEngine(lambda *_: []), settings), domain_list(), settings)) as c:
        for _ in range(3):
            assert (await c.call_tool("extract_entities", {"text": "", "entity_types": ["person"]})).is_error
        assert not (await c.call_tool("extract_entities", {"text": "x", "entity_types": ["person"]})).is_error
