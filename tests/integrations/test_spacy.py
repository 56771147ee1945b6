from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("spacy")
import spacy
from integrations.conftest import TEXT

import uniner_mcp.integrations.spacy  # noqa: F401  # Registers the component.

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]


def test_a_pipeline_has_entities_and_spans_and_can_be_saved(tmp_path: Path) -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe("uniner", config={"entity_types": ["person", "city"]})
    nlp.to_disk(tmp_path)
    for pipeline in (nlp, spacy.load(tmp_path)):
        doc = pipeline(TEXT)
        assert [(span.text, span.label_) for span in doc.ents] == [
            ("Marie Curie", "person"), ("Warsaw", "city"), ("Paris", "city")]  # fmt: skip
        assert [span.text for span in doc.spans["uniner"]] == ["Marie Curie", "Warsaw", "Paris"]
        assert all(0 < span._.confidence <= 1 for span in doc.ents)
    docs = list(nlp.pipe([TEXT, "😀 Tom lives in Rome."]))
    assert [span.text for span in docs[1].ents] == ["Tom", "Rome"]
