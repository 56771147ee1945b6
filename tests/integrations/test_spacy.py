from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("spacy")
import spacy
from integrations.conftest import TEXT
from spacy.language import Language
from spacy.tokens import Doc, DocBin, Span

import uniner_mcp.integrations.spacy as ours
from uniner_mcp import Entity, Extraction, RequestError, SettingsError
from uniner_mcp.errors import EngineUnavailable, UninerError

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]
TEXTS = [TEXT, "", " \n", "😀 Tom lives in Rome."]


def pipeline(**config: Any) -> Language:
    nlp = spacy.blank("en")
    nlp.add_pipe("uniner", config={"entity_types": ["person", "city"], **config})
    return nlp


def shown(spans: Any) -> list[tuple[str, str]]:
    return [(span.text, span.label_) for span in spans]


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[Extraction | UninerError]:
    """What is answered about the next documents."""
    said: list[Extraction | UninerError] = []
    monkeypatch.setattr(ours, "read_each", lambda extractor, request, texts: [said.pop(0) for _ in texts])
    return said


def test_a_pipeline_has_entities_and_spans_and_can_be_saved(tmp_path: Path) -> None:
    nlp = pipeline()
    nlp.to_disk(tmp_path)
    for loaded in (nlp, spacy.load(tmp_path)):
        doc = loaded(TEXT)
        assert shown(doc.ents) == [("Marie Curie", "person"), ("Warsaw", "city"), ("Paris", "city")]
        assert shown(doc.spans["uniner"]) == shown(doc.ents)
        assert all(0 < span._.confidence <= 1 for span in doc.ents)
        assert doc.spans["uniner"].attrs["answered_by"][0]["engine"] == "nano"


def test_blank_documents_pass_through() -> None:
    docs = list(pipeline().pipe(TEXTS))
    assert [shown(doc.ents)[-1:] for doc in docs] == [[("Paris", "city")], [], [], [("Rome", "city")]]
    assert [len(doc.spans["uniner"]) for doc in docs] == [3, 0, 0, 2]


def test_a_document_that_cannot_be_read_does_not_stop_a_batch_and_says_why(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("UNINER_MAX_TEXT_CHARS", "60")
    nlp = pipeline()
    first, bad, last = nlp.pipe([TEXT, "Secret " * 10, TEXT], batch_size=1)
    assert first.ents and last.ents and not bad.ents
    assert "60" in bad.spans["uniner"].attrs["error"] and "error" not in first.spans["uniner"].attrs
    assert "60" in caplog.text and "Secret" not in caplog.text
    with pytest.raises(RequestError, match="60"):
        nlp("Secret " * 10)


def test_options_that_are_not_valid_are_errors_when_the_component_is_added(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RequestError, match="entity_types"):
        pipeline(entity_types=None)
    with pytest.raises(ValueError, match="overlap"):
        pipeline(overlap="some")
    monkeypatch.setenv("UNINER_ENGINE", "none")
    with pytest.raises(SettingsError, match="engine"):
        pipeline()


def test_entities_of_earlier_components_stay_unless_they_are_to_be_overwritten() -> None:
    for overwrite, expected in [(False, ("Curie was", "EARLIER")), (True, ("Marie Curie", "person"))]:
        nlp = pipeline(overwrite_ents=overwrite)
        ruler: Any = nlp.add_pipe("entity_ruler", before="uniner")
        ruler.add_patterns([{"label": "EARLIER", "pattern": words} for words in ("Curie was", "studied")])
        doc = nlp(TEXT)
        assert shown(doc.ents) == [expected, ("Warsaw", "city"), ("studied", "EARLIER"), ("Paris", "city")]
        assert ("Marie Curie", "person") in shown(doc.spans["uniner"])


def test_overlapping_types_keep_their_confidences_and_the_most_confident_is_in_ents(
    answers: list[Extraction | UninerError],
) -> None:
    def entity(kind: str, start: int, end: int, confidence: float | None) -> Entity:
        return Entity(text=TEXT[start:end], type=kind, start=start, end=end, confidence=confidence)

    found = [entity("person", 0, 11, 0.6), entity("name", 0, 11, 0.9), entity("laureate", 0, 15, 0.7)]
    answers.append(Extraction(entities=[*found, entity("city", 24, 30, None), entity("part", 25, 28, 0.5)]))
    doc = pipeline(overlap="all", alignment_mode="strict")(TEXT)
    expected = [("laureate", 0.7), ("name", 0.9), ("person", 0.6), ("city", None)]
    assert shown(doc.ents) == [("Marie Curie", "name"), ("Warsaw", "city")]
    again = Doc(doc.vocab).from_bytes(doc.to_bytes())
    (stored,) = DocBin(docs=[doc], store_user_data=True).get_docs(doc.vocab)
    for same in (doc, again, stored):
        assert [(span.label_, span._.confidence) for span in same.spans["uniner"]] == expected
        assert [span._.confidence for span in same.ents] == [0.9, None]
        assert same.spans["uniner"].attrs["unaligned"] == 1
    joined = Doc.from_docs([doc, doc])
    assert joined is not None and [span._.confidence for span in joined.ents] == [0.9, None] * 2
    alone = doc[4:6].as_doc(copy_user_data=True)
    assert Span(alone, 0, 2, label="city")._.confidence is None


def test_entities_that_share_a_token_are_one_at_a_time_in_ents(answers: list[Extraction | UninerError]) -> None:
    halves = [
        Entity(text=TEXT[a:b], type="half", start=a, end=b, confidence=c) for a, b, c in [(0, 2, 0.5), (2, 5, 0.6)]
    ]
    answers.append(Extraction(entities=halves))
    doc = pipeline()(TEXT)
    assert shown(doc.ents) == [("Marie", "half")] and doc.ents[0]._.confidence == 0.6


def test_an_engine_that_fails_for_one_document_is_visible_there(answers: list[Extraction | UninerError]) -> None:
    answers += [EngineUnavailable("gone"), Extraction(entities=[])]
    first, second = pipeline().pipe(["a", "b"])
    assert first.spans["uniner"].attrs == {"error": "gone"} and second.spans["uniner"].attrs == {}


PROCESSES = """
import json, multiprocessing, sys, spacy, uniner_mcp.integrations.spacy
if __name__ == "__main__":
    multiprocessing.set_start_method(sys.argv[1])
    nlp = spacy.blank("en")
    nlp.add_pipe("uniner", config={"entity_types": ["person", "city"]})
    texts = json.loads(sys.argv[2])
    nlp(texts[0])
    found = [[(e.text, e._.confidence) for e in doc.ents] for doc in nlp.pipe(texts * 2, n_process=2, batch_size=2)]
    assert found == [[(e.text, e._.confidence) for e in nlp(text).ents] for text in texts * 2], found
    print([len(ents) for ents in found])
"""


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_script_reads_in_several_processes_and_ends(method: str, tmp_path: Path) -> None:
    if method == "fork" and sys.platform == "win32":
        pytest.skip("needs fork")
    script = tmp_path / "script.py"  # Processes that are spawned import it.
    script.write_text(PROCESSES, encoding="utf-8")
    command = [sys.executable, str(script), method, json.dumps(TEXTS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "[3, 0, 0, 2, 3, 0, 0, 2]\n"), done.stderr
