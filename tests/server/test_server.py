"""The server in memory, as a client of either protocol era sees it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import anyio
import pytest
from doubles import names_engine
from mcp import Client, MCPError
from mcp.types import PromptReference, ResourceTemplateReference, TextContent

from uniner_mcp import Extractor, Settings
from uniner_mcp.domains import domain_list
from uniner_mcp.engines.base import Passage
from uniner_mcp.engines.scripted import ScriptedEngine
from uniner_mcp.requests import ExtractionRequest
from uniner_mcp.schema import EntityType
from uniner_mcp.server.app import build_server

pytestmark = pytest.mark.anyio
SECRET = "Zaphod Beeblebrox"


def serve(engine: ScriptedEngine, **settings: object) -> Extractor:
    return Extractor(engine, Settings(**settings))  # type: ignore[arg-type]


@pytest.fixture(params=["auto", "legacy"])
async def client(request: pytest.FixtureRequest) -> AsyncIterator[Client]:
    server = build_server(serve(names_engine(context_budget=60), max_text_chars=50_000), domain_list())
    async with Client(server, mode=request.param) as connected:
        yield connected


def text_of(result: object) -> str:
    (block,) = result.content  # type: ignore[attr-defined]
    assert isinstance(block, TextContent)
    return block.text


async def test_two_read_only_tools_with_schemas_are_listed(client: Client) -> None:
    tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    assert tools.keys() == {"extract_entities", "list_domains"}
    for tool in tools.values():
        assert tool.title and tool.description and tool.output_schema and tool.annotations
        assert tool.annotations.read_only_hint and tool.annotations.idempotent_hint
        assert not tool.annotations.destructive_hint and not tool.annotations.open_world_hint
    properties = tools["extract_entities"].input_schema["properties"]
    assert properties.keys() == {
        "text", "entity_types", "domain", "meanings", "min_confidence", "overlap", "limit", "start", "result",
    }  # fmt: skip
    assert tools["extract_entities"].input_schema == ExtractionRequest.model_json_schema()
    assert not tools["list_domains"].input_schema["properties"]


async def test_the_open_world_is_hinted_when_text_may_leave_the_machine() -> None:
    server = build_server(serve(names_engine(leaves_machine=True)), domain_list())
    async with Client(server) as client:
        hints = {tool.name: tool.annotations for tool in (await client.list_tools()).tools}
    assert hints["extract_entities"] is not None and hints["extract_entities"].open_world_hint


async def test_entities_come_as_the_same_compact_json_in_both_forms(client: Client) -> None:
    result = await client.call_tool("extract_entities", {"text": "Ada in Paris", "entity_types": ["person", "city"]})
    assert not result.is_error
    assert json.loads(text_of(result)) == result.structured_content
    assert (
        text_of(result)
        == """{"truncated":false,
"unanswered":[],
"ungrounded":0,
"warnings":[],
"answered_by":[
{"engine":"scripted","model":"script","questions":2,"cached":0}
],
"entities":[
{"text":"Ada","type":"person","start":0,"end":3},
{"text":"Paris","type":"city","start":7,"end":12}
]}"""
    )


async def test_distinct_mentions_or_counts_come_instead_if_they_are_asked_for(client: Client) -> None:
    asked = {"text": "Ada saw Ada in Paris", "entity_types": "person, city"}
    mentions = (await client.call_tool("extract_entities", asked | {"result": "mentions"})).structured_content
    assert mentions is not None and "entities" not in mentions
    assert mentions["mentions"] == [
        {"text": "Ada", "type": "person", "count": 2, "start": 0},
        {"text": "Paris", "type": "city", "count": 1, "start": 15},
    ]
    counts = (await client.call_tool("extract_entities", asked | {"result": "counts"})).structured_content
    assert counts is not None and counts["counts"][0] == {"type": "person", "entities": 2, "distinct": 1}


async def test_a_limited_result_goes_on_in_the_same_text_where_it_says(client: Client) -> None:
    asked: dict[str, object] = {"text": "Ada saw Bob in Paris", "entity_types": ["person", "city"], "limit": 1}
    found: list[str] = []
    while True:
        result = (await client.call_tool("extract_entities", asked)).structured_content
        assert result is not None
        found += [asked["text"][one["start"] : one["end"]] for one in result["entities"]]  # type: ignore[index]
        if not result["truncated"]:
            break
        asked["start"] = result["next_start"]
    assert found == ["Ada", "Bob", "Paris"]


async def test_unknown_arguments_and_former_names_are_noted_in_the_result(client: Client) -> None:
    asked = {"text": "Ada", "entity_types": ["person"], "definitions": {"person": "a human"}, "verbose": 1, "id": 7}
    result = (await client.call_tool("extract_entities", asked)).structured_content
    assert result is not None and len(result["entities"]) == 1
    assert "`meanings`" in result["warnings"][0] and "`verbose`" in result["warnings"][1]


async def test_nine_domains_are_listed(client: Client) -> None:
    result = await client.call_tool("list_domains", {})
    assert json.loads(text_of(result)) == result.structured_content
    assert result.structured_content is not None
    assert len(result.structured_content["domains"]) == 9


async def test_progress_grows_with_each_passage(client: Client) -> None:
    seen: list[tuple[float, float | None]] = []

    async def note(progress: float, total: float | None, message: str | None) -> None:
        seen.append((progress, total))

    await client.call_tool(
        "extract_entities", {"text": "Ada saw Paris. " * 100, "entity_types": ["person"]}, progress_callback=note
    )
    assert len(seen) > 5
    assert [step for step, _ in seen] == [float(number) for number in range(1, len(seen) + 1)]
    assert {total for _, total in seen} == {float(len(seen))}


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        ({"text": "", "entity_types": ["person"]}, "string as `text`"),
        ({"text": SECRET * 5000, "entity_types": ["person"]}, "split it"),
        ({"text": SECRET}, "exactly one of"),
        ({"text": SECRET, "entity_types": ["person"], "domain": "law"}, "exactly one of"),
        ({"text": SECRET, "domain": "biomed1"}, "biomedical"),
        ({"text": SECRET, "entity_types": []}, "exactly one of"),
        ({"text": SECRET, "entity_types": ["x" * 500]}, "short name"),
        ({"text": SECRET, "entity_types": [f"t{n}" for n in range(100)]}, "several calls"),
        ({"text": SECRET, "entity_types": ["person"], "overlap": "any"}, "'nested'"),
        ({"text": SECRET, "entity_types": ["person"], "start": -1}, "at least 0"),
        ({"text": SECRET, "entity_types": ["person"], "limit": -1}, "at least 0"),
        ({"text": SECRET, "entity_types": ["person"], "result": SECRET}, "'mentions'"),
        ({"text": SECRET, "entity_types": ["person"], "start": 17}, "all of it again"),
        ({"text": [SECRET], "entity_types": ["person"]}, "`text`: Input should be a valid string"),
        ({"tex": SECRET, "entity_types": ["person"]}, "did you mean `text`"),
        ({"entity_types": ["person"]}, "`text`: Field required"),
        ({"text": SECRET, "entity_types": {SECRET: 1}}, "`entity_types`: Input should be a valid list"),
        ({"text": SECRET, "entity_types": ["a"], "meanings": {"a": [SECRET]}}, "`meanings`"),
        ({"text": SECRET, "domain": {"x": SECRET}}, "`domain`"),
        ({"text": SECRET, "entity_types": ["a"], "limit": SECRET}, "`limit`"),
    ],
)
async def test_a_foreseen_error_says_what_to_do_and_does_not_repeat_the_text(
    client: Client, arguments: dict[str, object], advice: str
) -> None:
    result = await client.call_tool("extract_entities", arguments)
    assert result.is_error
    assert advice in text_of(result)
    assert "Zaphod" not in text_of(result)


async def test_a_crash_tells_neither_the_model_nor_the_log_anything_of_the_text(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def script(passage: Passage, kind: EntityType) -> list[str]:
        raise RuntimeError(passage.text)

    async with Client(build_server(serve(ScriptedEngine(script)), domain_list())) as client:
        result = await client.call_tool("extract_entities", {"text": SECRET, "entity_types": ["person"]})
    assert result.is_error
    assert "RuntimeError" in text_of(result) and "Zaphod" not in text_of(result)
    assert "RuntimeError" in caplog.text and "Zaphod" not in caplog.text


async def test_a_call_that_is_cancelled_stops_the_engine() -> None:
    started, stopped = anyio.Event(), anyio.Event()

    async def script(passage: Passage, kind: EntityType) -> list[str]:
        started.set()
        try:
            await anyio.sleep_forever()
        finally:
            stopped.set()
        return []

    async with Client(build_server(serve(ScriptedEngine(script)), domain_list())) as client:
        async with anyio.create_task_group() as group:
            group.start_soon(client.call_tool, "extract_entities", {"text": "Ada", "entity_types": ["person"]})
            await started.wait()
            group.cancel_scope.cancel()
        await stopped.wait()


async def test_resources_tell_of_domains_and_of_the_engine(client: Client) -> None:
    law = json.loads((await client.read_resource("uniner://domains/law")).contents[0].text)  # type: ignore[union-attr]
    assert law["name"] == "law"
    engine = json.loads((await client.read_resource("uniner://engine")).contents[0].text)  # type: ignore[union-attr]
    assert engine["leaves_machine"] is False
    legal = (await client.read_resource("uniner://domains/Legal")).contents[0]
    assert json.loads(legal.text)["name"] == "law"  # type: ignore[union-attr]
    with pytest.raises(MCPError):
        await client.read_resource("uniner://domains/nothing")


async def test_names_of_domains_are_completed(client: Client) -> None:
    done = await client.complete(
        ResourceTemplateReference(uri="uniner://domains/{name}"), {"name": "name", "value": "bi"}
    )
    assert done.completion.values == ["biomedical"]
    done = await client.complete(PromptReference(name="annotate"), {"name": "domain", "value": ""})
    assert len(done.completion.values) == 9
    done = await client.complete(PromptReference(name="annotate"), {"name": "text", "value": ""})
    assert done.completion.values == []


async def test_the_prompt_asks_for_the_tool_on_the_text(client: Client) -> None:
    prompt = await client.get_prompt("annotate", {"text": "Ada was here.", "domain": "Legal"})
    said = prompt.messages[0].content.text  # type: ignore[union-attr]
    assert "extract_entities" in said and '"law"' in said and said.endswith("Ada was here.")


async def test_the_prompt_for_an_unknown_domain_names_the_known_ones(client: Client) -> None:
    with pytest.raises(MCPError, match="biomedical"):
        await client.get_prompt("annotate", {"text": SECRET, "domain": "nope"})


async def test_the_server_says_who_it_is(client: Client) -> None:
    assert client.server_info is not None
    assert (client.server_info.name, client.server_info.version) == ("uniner-mcp", "0.1.0")
    assert client.server_info.icons
