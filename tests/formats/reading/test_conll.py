from __future__ import annotations

import json
from pathlib import Path

import pytest
from formats.reading.conftest import mentions, read_text
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from uniner_mcp.cli import app
from uniner_mcp.errors import RequestError
from uniner_mcp.formats.documents import Document
from uniner_mcp.formats.reading.options import DEFAULT, Options


def read(folder: Path, text: str, options: Options = DEFAULT, name: str = "test.conll") -> list[Document]:
    return read_text(folder, name, text, options)


def tagged(folder: Path, tags: str) -> list[tuple[str, str]]:
    rows = (f"{letter} {tag}" for letter, tag in zip("abcdefgh", tags.split(), strict=False))
    (example,) = read(folder, "\n".join(rows))
    return mentions(example)


@pytest.mark.parametrize(
    ("tags", "entities"),
    [
        ("B-X I-X O B-Y", [("a b", "X"), ("d", "Y")]),
        ("B-X B-X I-X", [("a", "X"), ("b c", "X")]),
        ("I-X I-X O I-Y", [("a b", "X"), ("d", "Y")]),
        ("I-X I-Y", [("a", "X"), ("b", "Y")]),
        ("B-X E-X S-X S-Y", [("a b", "X"), ("c", "X"), ("d", "Y")]),
        ("B-X I-X L-X U-X I-X", [("a b c", "X"), ("d", "X"), ("e", "X")]),
        ("O I-political_Party O", [("b", "political_Party")]),
        ("O O", []),
    ],
)
def test_tags_of_every_school_are_read_as_conlleval_reads_them(
    tmp_path: Path, tags: str, entities: list[tuple[str, str]]
) -> None:
    assert tagged(tmp_path, tags) == entities


TAGS = st.sampled_from(["O", *(f"{letter}-{kind}" for letter in "BIESLU" for kind in "XY")])


@given(st.lists(TAGS, min_size=1, max_size=8))
def test_whatever_the_tags_each_tagged_token_is_in_one_entity(
    tmp_path_factory: pytest.TempPathFactory, tags: list[str]
) -> None:
    entities = tagged(tmp_path_factory.mktemp("conll"), " ".join(tags))
    words = [word for text, _ in entities for word in text.split()]
    assert words == [letter for letter, tag in zip("abcdefgh", tags, strict=False) if tag != "O"]


def test_conll_2003_has_its_tag_last_and_its_chunks_are_no_mentions(tmp_path: Path) -> None:
    head = "-DOCSTART- -X- O O\n\nAda NNP B-NP B-PER\nLovelace NNP I-NP I-PER\n"
    first, second = read(tmp_path, f"{head}\n\nRome NNP I-NP I-LOC\nslept VBD B-VP O\n")
    assert (first.text, mentions(first)) == ("Ada Lovelace", [("Ada Lovelace", "PER")])
    assert (second.text, mentions(second)) == ("Rome slept", [("Rome", "LOC")])
    (one,) = read(tmp_path, "Ada NNP B-PER I-NP\nslept VBD O B-VP\n")
    assert mentions(one) == [("Ada", "PER")]


def test_only_tab_or_the_ascii_space_separates_columns(tmp_path: Path) -> None:
    (one,) = read(tmp_path, "New\u00a0York B-city\n10\u2009000 O\n\u3000x\u3000 O\n\u2028 O\n\x85 O\n")
    assert one.text == "New\u00a0York 10\u2009000 \u3000x\u3000 \u2028 \x85" and mentions(one) == [
        ("New\u00a0York", "city")
    ]
    (one,) = read(tmp_path, "New York\tB-city\nNew\u00a0York\tO\n")
    assert one.text == "New York New\u00a0York" and mentions(one) == [("New York", "city")]


def test_a_hash_is_a_token_and_comments_stand_before_a_sentence(tmp_path: Path) -> None:
    for space in " \t":
        rows = "RT O\n# O\nLisbon B-location\nseat O\n# B-seat\n12 I-seat\n\n# O\n#1 B-rank\n".replace(" ", space)
        first, second = read(tmp_path, rows)
        assert first.text == "RT # Lisbon seat # 12" and mentions(first) == [("Lisbon", "location"), ("# 12", "seat")]
        assert second.text == "# #1" and mentions(second) == [("#1", "rank")]
    (one,) = read(tmp_path, "# sent_id = 1\n# text = a B-52\na O\nb B-x\n")
    assert (one.text, mentions(one)) == ("a b", [("b", "x")])


def test_an_index_column_is_recognised_as_in_the_files_of_uner(tmp_path: Path) -> None:
    rows = (
        "# sent_id = 1\n# text = New York slept\n"
        "1\tNew\tB-LOC\t-\tanna\n2\tYork\tI-LOC\t-\tanna\n3\tslept\tO\t-\tanna\n"
    )
    first, second = read(tmp_path, f"{rows}\n# sent_id = 2\n1\tAda\tB-PER\t-\tanna\n", name="test.iob2")
    assert (first.text, mentions(first), mentions(second)) == (
        "New York slept",
        [("New York", "LOC")],
        [("Ada", "PER")],
    )


def test_the_two_layers_of_germeval_2014_are_read_together(tmp_path: Path) -> None:
    rows = "#\thttp://de.example.org/x\t[2009-10-17]\n1\tUni\tB-ORG\tO\n2\tWien\tI-ORG\tB-LOC\n3\tliegt\tO\tO\n"
    (one,) = read(tmp_path, rows, name="test.tsv")
    assert one.text == "Uni Wien liegt" and mentions(one) == [("Uni Wien", "ORG"), ("Wien", "LOC")]


def test_gold_beside_predicted_tags_are_not_taken_for_layers(tmp_path: Path) -> None:
    rows = "1\tAda\tB-PER\tB-PER\n2\tWien\tB-ORG\tB-LOC\n"
    with pytest.raises(RequestError, match="line 1: columns 3 and 4 both look like tags"):
        read(tmp_path, rows)
    (one,) = read(tmp_path, rows, Options(tag_column=(3,)))
    assert mentions(one) == [("Ada", "PER"), ("Wien", "ORG")]
    (both,) = read(tmp_path, "Uni B-ORG O\nWien I-ORG B-LOC\n", Options(tag_column=(2, 3)))
    assert mentions(both) == [("Uni Wien", "ORG"), ("Wien", "LOC")]


def test_conll_u_plus_names_its_columns(tmp_path: Path) -> None:
    rows = (
        "# global.columns = ID UPOS FORM NER\n# text = du lac\n1-2\t_\tdu\t_\n1\tADP\tde\tO\n2\tDET\tle\tB-x\n"
        "2.1\t_\tghost\t_\n3\tNOUN\tlac\tI-x\n"
    )
    (one,) = read(tmp_path, rows, name="test.conllup")
    assert (one.text, mentions(one)) == ("de le lac", [("le lac", "x")])


def test_multiconer_and_mit_files_are_read(tmp_path: Path) -> None:
    rows = (
        "# id 3fa7-22\tdomain=en\n"
        "ada _ _ B-Scientist\nlovelace _ _ I-Scientist\nslept _ _ O\n\n# id 4\tdomain=en\nx _ _ O\n"
    )
    first, second = read(tmp_path, rows)
    assert (first.text, mentions(first), second.text) == ("ada lovelace slept", [("ada lovelace", "Scientist")], "x")
    (one,) = read(tmp_path, "O\tshow\nB-ACTOR\ttom\nI-ACTOR\thanks\n", name="test.bio")
    assert (one.text, mentions(one)) == ("show tom hanks", [("tom hanks", "ACTOR")])


def test_bare_types_have_their_own_suffix(tmp_path: Path) -> None:
    rows = "Ada\tperson-artist\nByron\tperson-artist\nsaw\tO\n#\tother\nRome\tlocation-city\n\n#\tother\n"
    first, second = read(tmp_path, rows, name="test.io")
    assert mentions(first) == [("Ada Byron", "person-artist"), ("#", "other"), ("Rome", "location-city")]
    assert mentions(second) == [("#", "other")]


def test_columns_can_be_said(tmp_path: Path) -> None:
    rows = "NNP Ada B-PER B-female\nVBD slept O O\n"
    (one,) = read(tmp_path, rows, Options(token_column=2, tag_column=(3,)))
    assert (one.text, mentions(one)) == ("Ada slept", [("Ada", "PER")])


@pytest.mark.parametrize(
    ("rows", "options", "said"),
    [
        ("Ada O\nAda\n", DEFAULT, "line 2: expected 2 columns"),
        ("Ada\n", DEFAULT, "line 1: expected 2 columns"),
        ("Ada O\nAda person\n", DEFAULT, "line 2: expected a token and a tag"),
        ("Ada O\nAda B-\n", DEFAULT, "line 2: expected a token and a tag"),
        ("Ada O\nAda X-PER\n", DEFAULT, "line 2: expected a token and a tag"),
        ("Ada\tO\nAda O\n", DEFAULT, "line 2: expected 2 columns"),
        ("Ada\tO\n\tO\n", DEFAULT, "line 2: expected a token, but its column is empty"),
        ("Ada O\n", Options(tag_column=(3,)), "line 1: there is no column 3"),
        ("Ada O\n", Options(token_column=2), "line 1: expected a column of tokens beside"),
    ],
)
def test_a_file_that_contradicts_itself_is_refused_at_its_line(
    tmp_path: Path, rows: str, options: Options, said: str
) -> None:
    with pytest.raises(RequestError, match=said):
        read(tmp_path, rows, options)


def test_a_file_without_sentences_has_no_documents(tmp_path: Path) -> None:
    assert read(tmp_path, "\n# nothing\n") == []


def test_a_set_in_columns_is_evaluated_with_the_columns_that_are_said(tmp_path: Path) -> None:
    (tmp_path / "data" / "mine").mkdir(parents=True)
    rows = "Marie B-PER O\nCurie I-PER O\nwas O O\nborn O O\nin O O\nWarsaw B-LOC B-x\n. O O\n"
    read(tmp_path / "data" / "mine", rows, Options(tag_column=(2,)))
    (tmp_path / "data" / "mine" / "card.json").write_text('{"labels": {"LOC": "city"}}', encoding="utf-8")
    command = ["evaluate", "--data", str(tmp_path / "data"), "--out", str(tmp_path / "out"), "--no-cache"]
    refused = CliRunner().invoke(app, command)
    assert refused.exit_code == 2 and "say which with --tag-column" in " ".join(refused.stderr.split())
    wrong = CliRunner().invoke(app, [*command, "--tag-column", "two"])
    assert wrong.exit_code == 2 and "must be the number of a column" in " ".join(wrong.stderr.split())
    result = CliRunner().invoke(app, [*command, "--tag-column", "2", "--token-column", "1"])
    assert result.exit_code == 0 and "| mine | 1 | **100.0** |" in result.stdout
    assert "Asked in words: LOC as city, PER as person." in result.stdout
    assert json.loads((tmp_path / "out" / "predictions" / "mine.jsonl").read_text(encoding="utf-8"))["id"] == "0"
