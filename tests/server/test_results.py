"""A result is never larger than clients can read, and says where to go on."""

from __future__ import annotations

import json
from typing import Any

import pytest
from mcp import Client
from mcp.types import TextContent
from server.serving import serving

from uniner_mcp import Extractor
from uniner_mcp.domains import domain_list
from uniner_mcp.engines.base import Mention, Passage
from uniner_mcp.engines.nano.engine import NanoEngine
from uniner_mcp.engines.scripted import ScriptedEngine
from uniner_mcp.extraction.views import as_data, view
from uniner_mcp.schema import Entity, EntityType, Extraction
from uniner_mcp.server.app import build_server
from uniner_mcp.server.results import result

pytestmark = pytest.mark.anyio
SSE_LIMIT = 1_048_576
DEFAULT = 20_000


def words(passage: Passage, kind: EntityType) -> list[Mention]:
    """Every word is an entity."""
    found, start = list[Mention](), 0
    for word in passage.text.split(" "):
        if word:
            found.append(Mention(word, (start, start + len(word)), 0.9876))
        start += len(word) + 1
    return found


@pytest.fixture(params=["auto", "legacy"])
def era(request: pytest.FixtureRequest) -> str:
    return request.param


async def read_on(client: Client, text: str, kinds: list[str]) -> tuple[list[Any], int]:
    """All entities, by going on where each result says, and the number of calls."""
    entities: list[Any] = []
    start = calls = 0
    steps: list[float] = []

    async def note(progress: float, total: float | None, message: str | None) -> None:
        steps.append(progress)

    while True:
        given = {"text": text, "entity_types": kinds, "start": start}
        answer = await client.call_tool("extract_entities", given, progress_callback=note)
        assert not answer.is_error and answer.structured_content is not None
        (block,) = answer.content
        assert isinstance(block, TextContent) and json.loads(block.text) == answer.structured_content
        calls += 1
        for entity in answer.structured_content["entities"]:
            entities.append((entity["start"], entity["end"], entity["text"]))
        went_on = answer.structured_content.get("next_start")
        assert answer.structured_content["truncated"] == (went_on is not None)
        if went_on is None:
            assert steps
            return entities, calls
        start = went_on


@pytest.mark.parametrize("word", ["Ada", "Ärzte", "北京", "😀😀", '"\\"', "\x01\x02"])
async def test_every_entity_of_a_dense_text_arrives_over_http_in_a_few_calls(era: str, word: str) -> None:
    text = " ".join([word] * (15_000 // (len(word) + 1)))
    async with (
        serving(ScriptedEngine(words, context_budget=500), cache=False) as served,
        Client(served.url, mode=era) as client,
    ):
        entities, calls = await read_on(client, text, ["person"])
    assert len(entities) == text.count(" ") + 1 and calls > 1
    assert all(text[start:end] == said == word for start, end, said in entities)


async def test_a_million_characters_arrive_over_http(era: str) -> None:
    text = "Donaudampfschifffahrt Elektrizitätsgesellschaft " * 20_800
    async with (
        serving(ScriptedEngine(words, context_budget=20_000), cache=False) as served,
        Client(served.url, mode=era) as client,
    ):
        answer = await client.call_tool("extract_entities", {"text": text, "entity_types": ["person"]})
    assert answer.structured_content is not None and answer.structured_content["truncated"]
    assert len(answer.structured_content["entities"]) > 200
    assert answer.structured_content["next_start"] >= answer.structured_content["entities"][-1]["end"]


async def test_the_real_student_is_read_to_the_end(era: str, nano: NanoEngine) -> None:
    class Shared(NanoEngine):
        """The session's model, which this server must not close."""

        def __init__(self) -> None:
            self.__dict__.update(nano.__dict__)

        async def aclose(self) -> None:
            pass

    text = "Ada Lovelace met Charles Babbage in London. " * 60
    async with (
        serving(Shared(), cache=False, max_result_chars=10_000) as served,
        Client(served.url, mode=era) as client,
    ):
        entities, calls = await read_on(client, text, ["person", "city"])
    found = {said for _, _, said in entities}
    assert found >= {"Ada Lovelace", "Charles Babbage", "London"} and calls > 1
    assert all(text[start:end] == said for start, end, said in entities)
    assert [start for start, _, _ in entities] == sorted({start for start, _, _ in entities})


async def test_the_library_returns_everything() -> None:
    text = "Ada " * 10_000
    extraction = await Extractor(ScriptedEngine(words)).extract(text, ["person"])
    assert len(extraction.entities) == 10_000 and extraction.next_start is None


async def test_the_default_keeps_a_result_below_what_hosts_show_of_it() -> None:
    text = "Ada saw Paris. " * 20_000
    async with Client(build_server(Extractor(ScriptedEngine(words)), domain_list())) as client:
        answer = await client.call_tool("extract_entities", {"text": text, "entity_types": ["person"]})
    (block,) = answer.content
    assert isinstance(block, TextContent) and 15_000 < len(block.text) <= DEFAULT
    assert max(map(len, block.text.splitlines())) < 500


def test_a_whole_message_of_the_largest_size_that_clients_of_the_sdk_take_is_below_their_limit() -> None:
    for letter in ("x", "ä", "北", "😀", '"', "\\", "\n", "\u2028"):
        entities = [
            Entity(text=letter * 30, type=letter * 30, start=n * 30, end=n * 30 + 30, confidence=0.9876)
            for n in range(9800)
        ]
        answer = result(as_data(view(Extraction(entities=entities), most_bytes=160_000)))
        message = answer.model_dump(mode="json", by_alias=True)
        for ascii_only in (False, True):
            assert len(json.dumps(message, ensure_ascii=ascii_only).encode()) < 0.95 * SSE_LIMIT
