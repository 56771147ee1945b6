from __future__ import annotations

import pickle

import pytest

pytest.importorskip("haystack")
from haystack import Document, Pipeline
from integrations.conftest import CITIES, TEXT

from uniner_mcp import RequestError
from uniner_mcp.integrations.haystack import EntityExtractor

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]


def test_a_pipeline_that_was_saved_puts_entities_into_the_meta_of_documents() -> None:
    pipeline = Pipeline()
    pipeline.add_component("entities", EntityExtractor(["person", "city"], min_confidence=0.1))
    pipeline = Pipeline.loads(pipeline.dumps(), allowed_modules=["uniner_mcp.integrations.haystack"])
    documents = [Document(content=TEXT, meta={"source": "x"}), Document(content=None)]
    first, second = pipeline.run({"entities": {"documents": documents}})["entities"]["documents"]
    assert [one["text"] for one in first.meta["entities"]["entities"] if one["type"] == "city"] == CITIES
    assert first.meta["source"] == "x" and first.content == TEXT and second == documents[1]
    assert "entities" not in documents[0].meta


def test_blank_documents_pass_through_and_one_that_cannot_be_read_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNINER_MAX_TEXT_CHARS", "60")
    documents = [Document(content=text) for text in ("", TEXT, "Secret " * 10, " \n")]
    component = EntityExtractor(["person", "city"])
    empty, read, long, blank = component.run(documents)["documents"]
    assert empty.meta["entities"]["entities"] == blank.meta["entities"]["entities"] == []
    assert len(read.meta["entities"]["entities"]) == 3 and "entities_error" not in read.meta
    assert "60" in long.meta["entities_error"] and "entities" not in long.meta
    assert component.run([]) == {"documents": []}
    with pytest.raises(RequestError, match="60"):
        component.run(documents[2:3])


async def reads(component: EntityExtractor) -> int:
    pipeline = Pipeline()
    pipeline.add_component("entities", component)
    done = await pipeline.run_async({"entities": {"documents": [Document(content=TEXT)]}})
    return len(done["entities"]["documents"][0].meta["entities"]["entities"])


@pytest.mark.anyio
async def test_an_asynchronous_pipeline_and_a_copy_in_another_process_read_too() -> None:
    component = EntityExtractor(["person", "city"])
    component.warm_up()
    copy = pickle.loads(pickle.dumps(component))
    assert await reads(component) == await reads(copy) == 3


def test_without_types_it_says_so() -> None:
    with pytest.raises(RequestError, match="entity_types"):
        EntityExtractor()
