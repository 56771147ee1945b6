from __future__ import annotations

from pathlib import Path

import pytest
from formats.reading.conftest import mentions

from uniner_mcp.errors import RequestError
from uniner_mcp.formats.documents import Discontinuous, Document
from uniner_mcp.formats.reading.choice import read_documents
from uniner_mcp.formats.reading.options import DEFAULT, Options

LEFT = "He was given low molecular weight\n  heparin for deep vein\nthrombosis of the leg.\n"


def read(folder: Path, text: str | None, annotation: str | None, options: Options = DEFAULT) -> list[Document]:
    for name, content in (("a.txt", text), ("a.ann", annotation)):
        if content is not None:
            (folder / name).write_bytes(content.encode())
    return read_documents(folder, options)


def test_documents_are_read_with_their_type_names_and_line_ends_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_text("none", encoding="utf-8")
    (tmp_path / "b.ann").write_text("", encoding="utf-8")
    annotation = "T1\tDrug 0 7\tAspirin\nR1\tx Arg1:T1\n#1\tAnnotatorNotes T1\tnote\nT2\tStrength-unit 11 13\t81\n"
    one, other = read(tmp_path, "Aspirin, 😀 81 mg\r\ndaily", annotation)
    assert one.id == "a" and one.text == "Aspirin, 😀 81 mg\r\ndaily" and other.entities == ()
    assert mentions(one) == [("Aspirin", "Drug"), ("81", "Strength-unit")]


def test_fragments_with_only_white_space_between_them_are_one_mention(tmp_path: Path) -> None:
    lines = "T1\tdrug 13 33;36 43\tlow molecular weight heparin\nT2\tdisease 48 57;58 68\tdeep vein thrombosis\n"
    (one,) = read(tmp_path, LEFT, lines)
    assert mentions(one) == [
        ("low molecular weight\n  heparin", "drug"),
        ("deep vein\nthrombosis", "disease"),
    ]
    assert one.discontinuous == ()


def test_a_mention_in_several_parts_is_kept_apart_and_not_cut(tmp_path: Path) -> None:
    (one,) = read(tmp_path, "left and right arm", "T1\tpart 0 4;15 18\tleft arm\nT2\tpart 9 18\tright arm\n")
    assert mentions(one) == [("right arm", "part")]
    assert one.discontinuous == (Discontinuous("part", ((0, 4), (15, 18))),)


def test_lines_end_at_line_feeds_only(tmp_path: Path) -> None:
    text = "a\u2028b \x85 c\x0cd"
    (one,) = read(tmp_path, text, "T1\tx 0 3\ta\u2028b\nT2\ty 6 9\tc\x0cd\r\n")
    assert mentions(one) == [("a\u2028b", "x"), ("c\x0cd", "y")]


def test_a_text_without_annotation_file_is_not_annotated(tmp_path: Path) -> None:
    (one,) = read(tmp_path, "Ada left.", None)
    assert one.asked == () and one.entities == ()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("T1\tDrug 0 99\tx", "offsets from 0 to 7"),
        ("T1\tDrug a b\tx", "expected a mention such as"),
        ("T1 Drug 0 1", "expected a mention such as"),
        ("T1\tDrug 3 3\t", "offsets from 0 to 7"),
        ("T1\tDrug 1 7\tAspirin", "the text at 1 to 7 is not that of the mention"),
        ("T1\tDrug 0 4;3 7\tAspirin", "fragments of a mention overlap"),
    ],
)
def test_a_line_that_contradicts_the_text_is_named(tmp_path: Path, line: str, said: str) -> None:
    with pytest.raises(RequestError, match=rf"a\.ann, line 2: .*{said}"):
        read(tmp_path, "Aspirin", f"T0\tDrug 0 7\tAspirin\n{line}\n")


def test_a_missing_text_is_named(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"a\.txt is missing"):
        read(tmp_path, None, "T1\tx 0 1\ta\n")


def test_offsets_in_utf_16_are_read_if_that_is_said_and_found_out_if_not(tmp_path: Path) -> None:
    line = "T1\tname 3 6\tAda\n"
    with pytest.raises(RequestError, match="fit as UTF-16 units"):
        read(tmp_path, "😀 Ada", line)
    (one,) = read(tmp_path, "😀 Ada", line, Options(offsets="utf-16"))
    assert mentions(one) == [("Ada", "name")] and one.entities[0].start == 2
    with pytest.raises(RequestError, match="divide a character"):
        read(tmp_path, "😀 Ada", "T1\tname 1 6\tAda\n", Options(offsets="utf-16"))


def test_text_that_is_not_utf_8_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"one\ntwo\ncaf\xe9\n")
    with pytest.raises(RequestError, match=r"a\.txt, line 3: not UTF-8"):
        read_documents(tmp_path)
