from __future__ import annotations

import json
from pathlib import Path

import pytest
from formats.reading.conftest import mentions, read_text

from uniner_mcp.errors import RequestError
from uniner_mcp.formats.documents import Discontinuous
from uniner_mcp.formats.reading.choice import read
from uniner_mcp.formats.reading.options import Options

XML = """<?xml version="1.0" encoding="UTF-8"?><!DOCTYPE collection SYSTEM "BioC.dtd">
<collection><source>s</source><date/><key/><document><id>17</id>
<passage><infon key="type">title</infon><offset>0</offset><text>A 😀 title.</text></passage>
<passage><offset>12</offset><text>IL-2 and IL-4 genes.</text>
<annotation id="1"><infon key="type">gene</infon><location offset="12" length="4"/><text>IL-2</text></annotation>
<annotation id="2"><infon key="type">gene</infon><location offset="12" length="2"/><location offset="24" length="1"/>
<text>IL 4</text></annotation>
<relation id="R1"><node refid="1" role="x"/></relation></passage></document></collection>"""


def located(kind: str, offset: int, text: str) -> dict[str, object]:
    return {"id": "1", "infons": {"type": kind}, "text": text, "locations": [{"offset": offset, "length": len(text)}]}


def test_offsets_count_from_the_beginning_of_the_document(tmp_path: Path) -> None:
    (one,) = read_text(tmp_path, "test.xml", XML)
    assert (one.id, one.text) == ("17", "A 😀 title.\n\nIL-2 and IL-4 genes.")
    assert mentions(one) == [("IL-2", "gene")]
    assert one.discontinuous == (Discontinuous("gene", ((12, 14), (24, 25))),)


def test_offsets_may_count_utf_16_units(tmp_path: Path) -> None:
    (one,) = read_text(tmp_path, "test.xml", XML, Options(offsets="utf-16"))
    assert one.text == "A 😀 title.\nIL-2 and IL-4 genes." and mentions(one) == [("IL-2", "gene")]


def test_json_has_sentences_and_annotations_at_every_level(tmp_path: Path) -> None:
    sentences = [
        {"offset": 5, "text": "Ada left.", "annotations": [located("person", 5, "Ada")]},
        {"offset": 15, "text": "Rome fell.", "annotations": []},
    ]
    passages = [
        {"offset": 0, "text": "Top.", "annotations": [located("x", 0, "Top")]},
        {"offset": 5, "sentences": sentences},
    ]
    document = {"id": 3, "infons": {}, "passages": passages, "annotations": [located("city", 15, "Rome")]}
    (one,) = read_text(tmp_path, "test.json", json.dumps({"source": "", "documents": [document]}))
    assert (one.id, one.text) == ("3", "Top.\nAda left.\nRome fell.")
    assert mentions(one) == [("Rome", "city"), ("Top", "x"), ("Ada", "person")]
    assert read(tmp_path / "test.json").form == "bioc"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('offset="12" length="4"', 'offset="11" length="4"', "document 1: the text at 11 to 15"),
        ('offset="12" length="4"', 'offset="x" length="4"', "document 1: .*should be a valid integer"),
        ('<location offset="12" length="4"/>', "", r"document 1: `.*locations`: list should have at least 1"),
        ('<infon key="type">gene</infon><location offset="12" length="4"', '<location offset="12" length="4"',
         "document 1: the key .*type` is missing"),
        ("<offset>12</offset>", "<offset>3</offset>", "document 1: a passage begins at 3, but the one before"),
        ("<offset>12</offset>", "", "document 1: the key `passages.1..offset` is missing"),
        ("</document></collection>", "", "line 8: not valid XML"),
        ("collection>", "html>", "expected BioC, which begins with <collection>"),
    ],
)  # fmt: skip
def test_a_document_that_contradicts_itself_is_named(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in XML
    with pytest.raises(RequestError, match=said):
        read_text(tmp_path, "test.xml", XML.replace(old, new))


def test_json_that_is_cut_off_is_named(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"test\.json, line 2: not valid JSON"):
        read_text(tmp_path, "test.json", '{"documents": [\n{')
