from __future__ import annotations

import csv
import io
import sys
from pathlib import Path

import orjson
import pytest

from uniner_mcp.errors import RequestError
from uniner_mcp.formats.documents import Discontinuous, Document, Span
from uniner_mcp.formats.reading.choice import read
from uniner_mcp.formats.writing.choice import FORMATS, find_format
from uniner_mcp.formats.writing.losses import Losses

TEXT = "Ann Smith and Bob\nleft New\u2028York "
EVERYTHING = [
    Document(
        "x/1",
        TEXT,
        (
            Span("Ann Smith", "male person", 0, 9, 0.5),
            Span("Smith", "surname", 4, 9),
            Span("New\u2028York", "city", 23, 31),
            Span("\nleft ", "odd", 17, 23),
        ),
        ("male person",),
        (Discontinuous("person", ((4, 9), (14, 17))),),
    ),
    Document("y", " ", (), ()),
]
CONFIDENCES = {"confidences": 1}
ASKED = {"lists of the types that were annotated": 1}
UNANNOTATED = {"documents that were not annotated (written as if nothing was found in them)": 1}
DISCONTINUOUS = {"discontinuous mentions": 1}
IDS = {"ids of documents": 1}
SPELLING = {"spaces in type names (written as _)": 1}
OVERLAPPING = {"overlapping mentions (the longest was kept)": 1}
EDGES = {"mentions that begin or end with white space": 1}
LOST = {
    "jsonl": DISCONTINUOUS,
    "csv": ASKED | UNANNOTATED | DISCONTINUOUS | {"documents without mentions": 1},
    "brat": CONFIDENCES | ASKED | IDS | SPELLING | {"mentions that begin or end with a line end": 1},
    "conll": CONFIDENCES | ASKED | UNANNOTATED | DISCONTINUOUS | IDS | SPELLING | OVERLAPPING | EDGES
    | {"texts as they are (what was between two tokens is now one space)": 1, "documents without a token": 1},
    "label-studio": CONFIDENCES | ASKED | DISCONTINUOUS,
    "label-studio-predictions": ASKED | UNANNOTATED | DISCONTINUOUS,
    "doccano": CONFIDENCES | ASKED | UNANNOTATED | DISCONTINUOUS,
    "prodigy": CONFIDENCES | ASKED | DISCONTINUOUS,
    "bioc": CONFIDENCES | ASKED | UNANNOTATED,
}  # fmt: skip


@pytest.mark.parametrize("form", LOST)
def test_what_a_format_cannot_hold_is_counted(form: str, tmp_path: Path) -> None:
    assert FORMATS[form].write(EVERYTHING, tmp_path / "out") == LOST[form]


def test_every_format_is_in_the_table_of_losses() -> None:
    assert {*LOST, "spacy"} == {*FORMATS}  # spaCy: test_real_tools.


def test_brat_gets_fragments_around_line_ends_and_its_configuration(tmp_path: Path) -> None:
    FORMATS["brat"].write(EVERYTHING, tmp_path / "set")
    assert (tmp_path / "set" / "document-1.txt").read_bytes().decode() == TEXT
    assert (tmp_path / "set" / "document-1.ann").read_bytes().decode().split("\n") == [
        "T1\tmale_person 0 9\tAnn Smith",
        "T2\tsurname 4 9\tSmith",
        "T3\tcity 23 26;27 31\tNew York",
        "T4\tperson 4 9;14 17\tSmith Bob",
        "",
    ]
    configuration = (tmp_path / "set" / "annotation.conf").read_text(encoding="utf-8").split("\n")
    assert configuration[:5] == ["[entities]", "male_person", "surname", "city", "person"]
    assert not (tmp_path / "set" / "y.ann").exists()


def test_documents_with_one_id_get_files_of_their_own(tmp_path: Path) -> None:
    again = [Document("a", "One.", ()), Document("a", "Two.", ()), Document("document-1", "Three.", ())]
    assert FORMATS["brat"].write(again, tmp_path / "set") == {"ids of documents": 2}
    assert sorted(document.text for document in read(tmp_path / "set").documents) == ["One.", "Three.", "Two."]


def test_csv_is_a_table_of_mentions() -> None:
    written = b"".join(FORMATS["csv"].encode(EVERYTHING, Losses())).decode()
    rows = list(csv.reader(io.StringIO(written, newline="")))
    assert rows[0] == ["document", "start", "end", "type", "text", "confidence"]
    assert rows[1] == ["x/1", "0", "9", "male person", "Ann Smith", "0.5"]
    assert rows[4] == ["x/1", "17", "23", "odd", "\nleft ", ""]


def test_doccano_gets_ascii_because_it_guesses_encodings() -> None:
    written = b"".join(FORMATS["doccano"].encode([Document("1", "😀 José", ())], Losses()))
    assert written.isascii()
    assert orjson.loads(written)["text"] == "😀 José"


def test_predictions_of_label_studio_have_their_confidence_as_score() -> None:
    (task, _) = orjson.loads(b"".join(FORMATS["label-studio-predictions"].encode(EVERYTHING, Losses())))
    (prediction,) = task["predictions"]
    assert [one.get("score") for one in prediction["result"]] == [0.5, None, None, None]


@pytest.mark.parametrize("form", ["label-studio", "bioc", "jsonl", "prodigy"])
def test_no_documents_are_a_valid_file(form: str, tmp_path: Path) -> None:
    path = tmp_path / f"none{FORMATS[form].suffix}"
    assert FORMATS[form].write([], path) == {}
    assert read(path).documents == []


def test_a_byte_order_mark_that_begins_a_text_stays_in_conll(tmp_path: Path) -> None:
    FORMATS["conll"].write([Document("0", "\ufeff x", ())], tmp_path / "a.conll")
    assert [document.text for document in read(tmp_path / "a.conll").documents] == ["\ufeff x"]


def test_spacy_is_asked_for_by_its_extra_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "spacy", None)
    with pytest.raises(RequestError, match="need the `spacy` extra: run `pip install"):
        FORMATS["spacy"].write(EVERYTHING, tmp_path / "a.spacy")
    assert not any(tmp_path.iterdir())


def test_an_unknown_format_is_refused_with_the_known_ones() -> None:
    with pytest.raises(RequestError, match="'xml' is not a format: use one of jsonl, csv, brat, conll"):
        find_format("xml")
