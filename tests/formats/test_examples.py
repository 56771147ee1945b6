"""The examples in docs/formats.md are read as what they are examples of."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from uniner_mcp.formats.reading.choice import read
from uniner_mcp.formats.writing.choice import FORMATS

PAGE = (Path(__file__).parents[2] / "docs" / "formats.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^### (.+?)\n(.*?)(?=^##)", PAGE, re.MULTILINE | re.DOTALL))


def examples(section: str) -> list[str]:
    return re.findall(r"^```\w*\n(.*?)^```$", SECTIONS[section], re.MULTILINE | re.DOTALL)


FILES = [
    ("jsonl", "a.jsonl", examples("jsonl")[0]),
    ("conll", "a.conll", examples("conll")[0]),
    ("label-studio", "a.json", examples("label-studio")[0]),
    ("label-studio-min", "a.json", examples("label-studio")[1]),
    ("doccano", "a.jsonl", examples("doccano")[0]),
    ("prodigy", "a.jsonl", examples("prodigy")[0]),
    ("bioc", "a.json", examples("bioc")[0]),
    ("pubtator", "a.pubtator", examples("pubtator")[0]),
    ("tokens", "a.jsonl", examples("tokens and gliner")[0].splitlines()[0]),
    ("gliner", "a.jsonl", examples("tokens and gliner")[0].splitlines()[1]),
]


@pytest.mark.parametrize(("form", "name", "content"), FILES, ids=[form for form, _, _ in FILES])
def test_an_example_is_read_as_its_format(form: str, name: str, content: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content.encode())
    reading = read(tmp_path / name)
    assert reading.form == form
    assert reading.documents[0].entities[0].text == "Ann"


def test_the_example_of_brat_is_read_with_its_text(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Ann and Bob Lee left.")
    (tmp_path / "a.ann").write_text(examples("brat")[0])
    (document,) = read(tmp_path).documents
    assert (len(document.entities), len(document.discontinuous)) == (1, 1)


def test_every_format_that_is_written_has_a_section_or_a_name_in_one() -> None:
    assert all(name in SECTIONS or f"`{name}`" in SECTIONS["label-studio"] for name in FORMATS)
