from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from uniner_mcp.cli import app
from uniner_mcp.formats.documents import Document
from uniner_mcp.formats.reading.conll import read_conll


def read(folder: Path, text: str) -> list[Document]:
    path = folder / "test.conll"
    path.write_text(text, encoding="utf-8")
    return list(read_conll(path))


def tagged(folder: Path, tags: str) -> list[tuple[str, str]]:
    rows = (f"{letter} {tag}" for letter, tag in zip("abcdefgh", tags.split(), strict=False))
    (example,) = read(folder, "\n".join(rows))
    assert all(example.text[gold.start : gold.end] == gold.text for gold in example.entities)
    return [(gold.text, gold.type) for gold in example.entities]


@pytest.mark.parametrize(
    ("tags", "entities"),
    [
        ("B-X I-X O B-Y", [("a b", "x"), ("d", "y")]),
        ("B-X B-X I-X", [("a", "x"), ("b c", "x")]),
        ("I-X I-X O I-Y", [("a b", "x"), ("d", "y")]),
        ("I-X I-Y", [("a", "x"), ("b", "y")]),
        ("B-X E-X S-X S-Y", [("a b", "x"), ("c", "x"), ("d", "y")]),
        ("B-X I-X L-X U-X I-X", [("a b c", "x"), ("d", "x"), ("e", "x")]),
        ("O I-political_Party O", [("b", "political party")]),
        ("O O", []),
    ],
)
def test_tags_of_every_school_are_read_as_conlleval_reads_them(
    tmp_path: Path, tags: str, entities: list[tuple[str, str]]
) -> None:
    assert tagged(tmp_path, tags) == entities


def test_sentences_columns_and_comments_are_told_apart(tmp_path: Path) -> None:
    head = "-DOCSTART- -X- O O\n\n# id 1\nAda NNP B-NP B-PER\nLovelace NNP I-NP I-PER\n"
    first, second = read(tmp_path, f"{head}\n\nNew York\tO\nRome\tB-LOC\n#x\tO\n")
    assert (first.text, second.text) == ("Ada Lovelace", "New York Rome #x")
    assert [(gold.text, gold.type, gold.start) for gold in (*first.entities, *second.entities)] == [
        ("Ada Lovelace", "per", 0),
        ("Rome", "loc", 9),
    ]


@pytest.mark.parametrize("line", ["Ada", "Ada person", "Ada B-", "Ada X-PER"])
def test_a_line_without_a_tag_is_named(tmp_path: Path, line: str) -> None:
    with pytest.raises(ValueError, match="line 2"):
        read(tmp_path, f"Ada O\n{line}\n")


TAGS = st.sampled_from(["O", *(f"{letter}-{kind}" for letter in "BIESLU" for kind in "XY")])


@given(st.lists(TAGS, min_size=1, max_size=8))
def test_whatever_the_tags_each_tagged_token_is_in_one_entity(
    tmp_path_factory: pytest.TempPathFactory, tags: list[str]
) -> None:
    entities = tagged(tmp_path_factory.mktemp("conll"), " ".join(tags))
    words = [word for text, _ in entities for word in text.split()]
    assert words == [letter for letter, tag in zip("abcdefgh", tags, strict=False) if tag != "O"]


def test_a_set_in_columns_is_evaluated(tmp_path: Path) -> None:
    (tmp_path / "data" / "mine").mkdir(parents=True)
    read(tmp_path / "data" / "mine", "Marie B-person\nCurie I-person\nwas O\nborn O\nin O\nWarsaw B-city\n. O\n")
    command = ["evaluate", "--data", str(tmp_path / "data"), "--out", str(tmp_path / "out"), "--no-cache"]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0 and "| mine | 1 | **100.0** |" in result.stdout
    assert json.loads((tmp_path / "out" / "predictions" / "mine.jsonl").read_text(encoding="utf-8"))["id"] == "0"
