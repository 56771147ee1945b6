"""What the tools themselves read in our files; run by .ci/formats, which installs them."""

from __future__ import annotations

import codecs
import json
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import IO, Any

import pytest
from annotated import by_place, documents, plain_texts, round_trip
from hypothesis import given, settings

from uniner_mcp.formats.documents import Discontinuous, Document, Span
from uniner_mcp.formats.writing.choice import FORMATS
from uniner_mcp.formats.writing.losses import Losses

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]

TEXT = "😀 Jose\u0301 Smith,\r\nwho left New\u2028York State for 東京.\n\nA (B) cell."
MENTIONS = [
    ("Jose\u0301 Smith", "male person"),
    ("New\u2028York State", "place"),
    ("東京", "city"),
    ("B) cell", "B-cell"),
]
NESTED = [("New\u2028York", "city"), ("York State", "place")]


def document(*mentions: tuple[str, str], id: str = "a") -> Document:
    starts = [(TEXT.index(mention), mention, kind) for mention, kind in mentions]
    return Document(id, TEXT, tuple(Span(mention, kind, at, at + len(mention)) for at, mention, kind in starts))


def spans(one: Document) -> list[tuple[int, int, str]]:
    return [(span.start, span.end, span.type) for span in one.entities]


FLAT = document(*MENTIONS)
ALL = document(*MENTIONS, *NESTED)


def test_label_studio_converts_our_tasks(tmp_path: Path) -> None:
    from label_studio_sdk.converter import Converter

    FORMATS["label-studio"].write([ALL], tmp_path / "tasks" / "tasks.json")
    kinds = "".join(f'<Label value="{kind}"/>' for kind in {span.type for span in ALL.entities})
    interface = f'<View><Labels name="label" toName="text">{kinds}</Labels><Text name="text" value="$text"/></View>'
    Converter(interface, project_dir=str(tmp_path)).convert(str(tmp_path / "tasks"), str(tmp_path / "out"), "JSON_MIN")
    (row,) = json.loads((tmp_path / "out" / "result.json").read_bytes())
    assert row["text"] == TEXT
    assert [(one["start"], one["end"], one["labels"][0]) for one in row["label"]] == spans(ALL)


def test_label_studio_accepts_our_predictions_as_those_of_its_own_interface() -> None:
    from label_studio_sdk.label_interface import LabelInterface

    (task,) = json.loads(b"".join(FORMATS["label-studio-predictions"].encode([ALL], Losses())))
    kinds = "".join(f'<Label value="{kind}"/>' for kind in {span.type for span in ALL.entities})
    interface = LabelInterface(
        f'<View><Labels name="label" toName="text">{kinds}</Labels><Text name="text" value="$text"/></View>'
    )
    assert all(interface.validate_prediction(one) for one in task["predictions"])
    task["predictions"][0]["result"][0]["value"]["labels"] = ["unknown"]
    assert not interface.validate_prediction(task["predictions"][0])


@pytest.mark.parametrize(("one", "where"), [(FLAT, "ents"), (ALL, "sc")])
def test_spacy_reads_our_docbin_and_its_scorer_finds_every_mention(tmp_path: Path, one: Document, where: str) -> None:
    import spacy
    from spacy.scorer import Scorer
    from spacy.tokens import DocBin
    from spacy.training import Example

    FORMATS["spacy"].write([one], tmp_path / "a.spacy")
    (doc,) = DocBin().from_disk(tmp_path / "a.spacy").get_docs(spacy.blank("en").vocab)
    found: Any = doc.ents if where == "ents" else doc.spans["sc"]
    assert doc.text == TEXT
    assert sorted((span.start_char, span.end_char, span.label_) for span in found) == sorted(spans(one))
    scores = Scorer.score_spans([Example(doc, doc)], where, getter=lambda doc, _: found, allow_overlap=True)
    assert scores[f"{where}_f"] == 1.0


@settings(max_examples=25)
@given(documents() | documents(plain_texts))
def test_a_document_that_a_docbin_holds_is_the_same_when_it_is_read(document: Document) -> None:
    read, losses = round_trip("spacy", [replace(document, id="0")])
    assert [one.text for one in read] == [document.text]
    if not losses:
        assert by_place(read) == by_place([replace(document, id="0")])


def test_seqeval_and_nervaluate_find_every_mention_in_our_conll(tmp_path: Path) -> None:
    from nervaluate import Evaluator
    from seqeval.metrics.sequence_labeling import get_entities
    from seqeval.scheme import IOB2, Entities

    FORMATS["conll"].write([FLAT, FLAT], tmp_path / "a.conll")
    written = (tmp_path / "a.conll").read_text(encoding="utf-8")
    sentences = [[line.split("\t") for line in block.split("\n")] for block in written.strip("\n").split("\n\n")]
    tags = [[tag for _, tag in sentence] for sentence in sentences]
    kinds = [span.type.replace(" ", "_") for span in FLAT.entities]
    found = [
        [" ".join(sentences[0][place][0] for place in range(first, last + 1)), kind]
        for kind, first, last in get_entities(tags[0])
    ]
    assert found == [
        ["Jose\u0301 Smith", "male_person"],
        ["New York State", "place"],
        ["東 京", "city"],
        ["B ) cell", "B-cell"],
    ]
    assert [len(strict) for strict in Entities(tags, IOB2).entities] == [4, 4]
    results = Evaluator(written, written, tags=kinds, loader="conll").evaluate()["overall"]["strict"]
    assert (results.correct, results.missed, results.spurious) == (8, 0, 0)


def test_bioc_reads_and_validates_our_collection(tmp_path: Path) -> None:
    import bioc
    from bioc import biocjson

    apart = Discontinuous("person", ((2, 7), (TEXT.index("left"), TEXT.index("left") + 4)))
    one = Document("PMC 1", TEXT, ALL.entities, None, (apart,))
    FORMATS["bioc"].write([one, FLAT], tmp_path / "a.json")
    with (tmp_path / "a.json").open(encoding="utf-8") as file:
        collection = biocjson.load(file)
    (passage,) = collection.documents[0].passages
    assert (collection.documents[0].id, passage.text) == ("PMC 1", TEXT)
    found = [
        (one.locations[0].offset, one.locations[0].end, one.infons["type"])
        for one in passage.annotations
        if len(one.locations) == 1
    ]
    assert found == spans(ALL)
    assert len(passage.annotations) == len(found) + 1
    passage.annotations.pop()  # The validator compares the text of the whole range.
    bioc.validate(collection)


def test_brat_reads_and_verifies_our_documents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import brat

    root = Path(next(iter(brat.__path__)))
    for folder in ("server/src", "server/lib"):
        monkeypatch.syspath_prepend(root / folder)
    settings = ModuleType("config")
    settings.__dict__["BASE_DIR"] = str(tmp_path)
    monkeypatch.setitem(sys.modules, "config", settings)
    import annotation
    import projectconfig
    from verify_annotations import verify_annotation

    def opened(name: str, _: str = "r") -> IO[str]:
        """Open a file as brat does: its own function uses a mode that Python gave up in 3.11."""
        return codecs.open(name, encoding="utf-8")

    monkeypatch.setattr(annotation, "open_textfile", opened)
    monkeypatch.setattr(projectconfig, "open_textfile", opened)
    apart = Discontinuous("person", ((2, 7), (TEXT.index("left"), TEXT.index("left") + 4)))
    FORMATS["brat"].write([Document("a", TEXT, ALL.entities, None, (apart,))], tmp_path / "set")
    read = annotation.TextAnnotations(str(tmp_path / "set" / "a"), read_only=True)
    assert read.failed_lines == []
    found = [(one.spans[0][0], one.spans[-1][1], one.type) for one in read.get_textbounds()]
    expected = [*spans(ALL), (2, apart.fragments[1][1], "person")]
    assert found == [(start, end, kind.replace(" ", "_")) for start, end, kind in expected]
    project = projectconfig.ProjectConfiguration(str(tmp_path / "set"))
    assert set(project.get_entity_types()) == {kind for _, _, kind in found}
    assert [str(one) for one in verify_annotation(read, project)] == []
