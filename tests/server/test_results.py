"""A result is never larger than clients can read, and says where to go on."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp import Client
from mcp.types import TextContent
from server.serving import serving

from uniner_mcp import Extractor
from uniner_mcp.engines.base import Mention, Passage
from uniner_mcp.engines.nano.engine import NanoEngine
from uniner_mcp.engines.scripted import ScriptedEngine
from uniner_mcp.schema import Entity, EntityType, Extraction
from uniner_mcp.server import results
from uniner_mcp.server.results import fitted, result

pytestmark = pytest.mark.anyio
SSE_LIMIT = 1_048_576
DEFAULT = 160_000


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
        given = {"text": text[start:], "entity_types": kinds}
        answer = await client.call_tool("extract_entities", given, progress_callback=note)
        assert not answer.is_error and answer.structured_content is not None
        (block,) = answer.content
        assert isinstance(block, TextContent) and json.loads(block.text) == answer.structured_content
        calls += 1
        for entity in answer.structured_content["entities"]:
            entities.append((entity["start"] + start, entity["end"] + start, entity["text"]))
        went_on = answer.structured_content.get("next_start")
        assert answer.structured_content["truncated"] == (went_on is not None)
        if went_on is None:
            assert steps
            return entities, calls
        start += went_on


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
    assert len(answer.structured_content["entities"]) > 1500
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


@given(
    st.lists(st.tuples(st.integers(0, 400), st.integers(1, 30)), max_size=40),
    st.integers(150, 2000),
)
def test_what_is_left_out_starts_where_it_says_and_what_is_kept_starts_before(
    spans: list[tuple[int, int]], most: int
) -> None:
    entities = [Entity(text="x" * size, type="t", start=start, end=start + size) for start, size in spans]
    entities.sort(key=lambda entity: (entity.start, -entity.end))
    whole = Extraction(entities=entities)
    cut = fitted(whole, most)
    assert cut.entities == entities[: len(cut.entities)]
    if cut is whole:
        return
    left_out = entities[len(cut.entities) :]
    assert cut.truncated and cut.entities and left_out and cut.next_start
    starts = {entity.start for entity in cut.entities}
    if len(starts) > 1 or starts != {left_out[0].start}:
        assert cut.next_start <= left_out[0].start
        assert cut.next_start > max(starts)


def test_the_default_keeps_the_whole_message_below_the_limit_of_clients() -> None:
    for letter in ("x", "ä", "北", "😀", '"', "\\", "\n", "\u2028"):
        entities = [
            Entity(text=letter * 30, type=letter * 30, start=n * 30, end=n * 30 + 30, confidence=0.9876)
            for n in range(9800)
        ]
        answer = result(fitted(Extraction(entities=entities), DEFAULT))
        message = answer.model_dump(mode="json", by_alias=True)
        for ascii_only in (False, True):
            assert len(json.dumps(message, ensure_ascii=ascii_only).encode()) < 0.95 * SSE_LIMIT


def test_cutting_measures_no_more_entities_than_it_returns(monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[object] = []

    def size(model: object) -> int:
        measured.append(model)
        return 50

    monkeypatch.setattr(results, "_size", size)
    entities = [Entity(text="Ada", type="person", start=4 * n, end=4 * n + 3) for n in range(200_000)]
    cut = fitted(Extraction(entities=entities), DEFAULT)
    assert len(measured) <= len(cut.entities) + 2
