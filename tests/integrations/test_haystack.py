from __future__ import annotations

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


def test_without_types_it_says_so() -> None:
    with pytest.raises(RequestError, match="entity_types"):
        EntityExtractor().run([Document(content=TEXT)])
