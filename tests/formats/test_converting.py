from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner, Result

from uniner_mcp.cli import app
from uniner_mcp.formats.reading.choice import read
from uniner_mcp.formats.writing.choice import FORMATS

ROWS = [
    {"id": "a", "text": "😀 Maria\r\nSmith left.", "entities": [{"type": "male person", "start": 2, "end": 14}]},
    {"id": "b", "text": "In Rome.", "entities": [{"type": "city", "start": 3, "end": 7, "confidence": 0.5}]},
]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["convert", *map(str, arguments)])


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "set" / "test.jsonl"
    path.parent.mkdir()
    path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in ROWS))
    return path


def test_a_file_is_converted_and_what_is_lost_is_said(rows: Path, tmp_path: Path) -> None:
    result = run(rows, tmp_path / "out", "--to", "brat", "--from", "jsonl")
    assert result.exit_code == 0
    assert result.stdout == f"{tmp_path / 'out'}: 2 documents, 2 mentions\n"
    assert result.stderr == "not in brat: spaces in type names (written as _) (1)\nnot in brat: confidences (1)\n"
    back = run(tmp_path / "out", tmp_path / "back.jsonl", "--to", "jsonl", "--from", "brat")
    assert back.exit_code == 0
    documents = read(tmp_path / "back.jsonl").documents
    assert [(one.id, one.text, one.entities[0].text) for one in documents] == [
        ("a", ROWS[0]["text"], "Maria\r\nSmith"),
        ("b", "In Rome.", "Rome"),
    ]


@pytest.mark.parametrize("form", ["jsonl", "brat", "conll", "label-studio", "doccano", "prodigy", "bioc"])
def test_a_set_is_converted_there_and_back_with_its_card(form: str, rows: Path, tmp_path: Path) -> None:
    (rows.parent / "dev.jsonl").write_bytes(rows.read_bytes())
    (rows.parent / "card.json").write_text('{"domain": "general"}')
    assert run(rows.parent, tmp_path / "there", "--to", form).exit_code == 0
    suffix = FORMATS[form].suffix
    assert sorted(path.name for path in (tmp_path / "there").iterdir()) == [
        "card.json",
        f"dev{suffix}",
        f"test{suffix}",
    ]
    assert run(tmp_path / "there", tmp_path / "back", "--to", "jsonl").exit_code == 0
    for split in ("dev", "test"):
        found = [
            one.text for document in read(tmp_path / "back" / f"{split}.jsonl").documents for one in document.entities
        ]
        assert found == (["Maria Smith", "Rome"] if form == "conll" else ["Maria\r\nSmith", "Rome"])


def test_offsets_columns_and_annotators_are_taken_from_options_or_the_card(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "😀 Maria left.", "label": [[3, 8, "person"]]}\n', encoding="utf-8")
    assert run(tmp_path / "a.jsonl", tmp_path / "b.csv", "--to", "csv", "--offsets", "utf-16").exit_code == 0
    assert ",2,7,person,Maria," in (tmp_path / "b.csv").read_text(encoding="utf-8")
    (tmp_path / "card.json").write_text('{"offsets": "utf-16"}')
    assert run(tmp_path / "a.jsonl", tmp_path / "c.csv", "--to", "csv").exit_code == 0
    assert (tmp_path / "c.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()


def test_another_format_than_the_expected_one_is_refused(rows: Path, tmp_path: Path) -> None:
    result = run(rows, tmp_path / "out", "--to", "brat", "--from", "doccano")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "is in the format jsonl, not doccano: leave out --from, or check the file." in result.stderr
    assert not (tmp_path / "out").exists()


def test_nothing_is_written_over(rows: Path, tmp_path: Path) -> None:
    (tmp_path / "out.csv").write_text("mine")
    result = run(rows, tmp_path / "out.csv", "--to", "csv")
    assert result.exit_code == 2
    assert "exists: remove it, or give another name" in result.stderr
    assert (tmp_path / "out.csv").read_text() == "mine"


def test_two_files_of_one_split_are_refused(rows: Path, tmp_path: Path) -> None:
    (rows.parent / "test.conll").write_text("Rome\tB-city\n")
    result = run(rows.parent, tmp_path / "out", "--to", "csv")
    assert result.exit_code == 2
    assert "has test.conll and test.jsonl: convert one of them by its name" in result.stderr


def test_what_cannot_be_read_or_written_is_one_line(rows: Path, tmp_path: Path) -> None:
    for arguments, said in (
        ((tmp_path / "none", tmp_path / "o", "--to", "csv"), "There is no"),
        ((tmp_path, tmp_path / "o", "--to", "csv"), "contains no annotated files"),
        ((rows, rows / "o.csv", "--to", "csv"), "Cannot write"),
        ((rows, tmp_path / "o", "--to", "docx"), "'docx' is not a format"),
    ):
        result = run(*arguments)
        assert result.exit_code == 2
        assert said in result.stderr
        assert len(result.stderr.splitlines()) == 1
