from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from uniner_mcp.cli import app
from uniner_mcp.distill.dataset.corpus import corpus_files, documents
from uniner_mcp.distill.dataset.sample import Sample, passages
from uniner_mcp.errors import RequestError

pyarrow = pytest.importorskip("pyarrow")
TEXTS = ["Ada left Rome.", "Tom came back\nin May.", "Über 😀 Grenzen."]


def drawn(number: int, seed: int, texts: list[str]) -> list[str]:
    sample = Sample(number, seed)
    for text in texts:
        sample.add(text)
    return [text for _, text in sample.drawn()]


def sample(out: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["distill", "sample", "--out", str(out), *arguments])


def rows(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@given(st.lists(st.text(max_size=3), max_size=40), st.integers(1, 12), st.integers(0, 9), st.randoms())
def test_a_sample_is_distinct_of_the_right_size_and_independent_of_order(
    texts: list[str], number: int, seed: int, lot: object
) -> None:
    different = {" ".join(text.casefold().split()) for text in texts}
    found = drawn(number, seed, texts)
    assert len({" ".join(text.casefold().split()) for text in found}) == len(found) == min(number, len(different))
    assert drawn(number, seed, [*texts, *texts]) == found
    assert [text.casefold().split() for text in drawn(number, seed, texts[::-1])] == [
        text.casefold().split() for text in found
    ]
    assert drawn(number + 1, seed, texts)[: len(found)] == found


def test_every_passage_is_equally_likely() -> None:
    texts = [str(number) for number in range(20)]
    hits = [0] * 20
    for seed in range(2000):
        for text in drawn(5, seed, texts):
            hits[int(text)] += 1
    # Binomial with 2000 draws of one in four: five standard deviations.
    assert all(abs(found - 500) < 5 * (2000 * 0.25 * 0.75) ** 0.5 for found in hits)


@given(st.text(alphabet="ab .\n", max_size=200), st.integers(3, 12))
def test_passages_hold_all_words_and_are_never_too_long(text: str, longest: int) -> None:
    # A hard tokenizer: a token a character, where the splitter reckons three characters.
    found = list(passages(text, longest, lambda part: len("".join(part.split()))))
    assert sorted("".join("".join(found).split())) == sorted("".join(text.split()))
    assert all(len("".join(part.split())) <= longest for part in found)


def test_documents_come_from_every_kind_of_file(tmp_path: Path) -> None:
    from pyarrow import BufferOutputStream, CompressedOutputStream, parquet, table

    lines = "".join(json.dumps({"body": text}) + "\n" for text in TEXTS)
    (tmp_path / "a.jsonl").write_text(lines, encoding="utf-8")
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    with CompressedOutputStream(packed := BufferOutputStream(), "zstd") as stream:
        stream.write(lines.encode())
    (tmp_path / "c.jsonl.zst").write_bytes(packed.getvalue().to_pybytes())
    parquet.write_table(table({"body": TEXTS, "other": [1, 2, 3]}), tmp_path / "d.parquet")
    (tmp_path / "e.txt").write_text("\n\n".join(TEXTS) + "\n \n", encoding="utf-8")
    (tmp_path / "notes.md").write_text("no corpus", encoding="utf-8")
    files = corpus_files([tmp_path])
    assert [file.name[0] for file in files] == ["a", "b", "c", "d", "e"]
    for file in files:
        assert [text.strip() for text in documents(file, "body")] == TEXTS, file


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.jsonl", b'{"text": "x"}\n{"text": 3}\n', "line 2"),
        ("a.jsonl", b'{"text": "x"}\nno json\n', "line 2"),
        ("a.jsonl", b'{"body": "x"}\n', "line 1"),
        ("a.jsonl", b"[1]\n", "line 1"),
        ("a.txt", b"\xff\xfe", "UTF-8"),
        ("a.parquet", b"PAR1 not really", "Parquet"),
    ],
)
def test_a_corpus_that_cannot_be_read_is_named_without_its_text(
    tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(RequestError, match=said) as failure:
        list(documents(tmp_path / name, "text"))
    assert name in str(failure.value) and "no json" not in str(failure.value)


def test_a_column_that_is_missing_or_no_text_is_named(tmp_path: Path) -> None:
    from pyarrow import parquet, table

    parquet.write_table(table({"body": ["x", None]}), tmp_path / "a.parquet")
    with pytest.raises(RequestError, match=r"no column 'text'\. Its columns are: body"):
        list(documents(tmp_path / "a.parquet", "text"))
    with pytest.raises(RequestError, match="row 2"):
        list(documents(tmp_path / "a.parquet", "body"))


@pytest.mark.parametrize("name", ["nothing.jsonl", "notes.md", "empty"])
def test_what_is_no_corpus_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.md").write_text("x", encoding="utf-8")
    result = sample(tmp_path / "out.jsonl", "--corpus", str(tmp_path / name))
    assert result.exit_code == 2 and name in "".join(result.stderr.split())


def test_the_command_draws_passages_of_one_language_and_says_what_it_left_out(tmp_path: Path) -> None:
    english = [f"The committee met on day {number} to discuss the budget of the city." for number in range(30)]
    german = ["Der Ausschuss traf sich am Montag, um über den Haushalt der Stadt zu beraten."]
    corpus = tmp_path / "corpus.txt"
    corpus.write_text("\n\n".join([*english, *german, " ".join(english)]), encoding="utf-8")
    out = tmp_path / "passages.jsonl"
    result = sample(out, "--corpus", str(corpus), "--language", "en", "--tokens", "32", "--number", "20")
    assert result.exit_code == 0 and "in another language: 1" in result.stdout and "documents: 32" in result.stdout
    found = rows(out)
    assert len({row["id"] for row in found}) == 20 and all("committee" in row["text"] for row in found)
    again = sample(out, "--corpus", str(corpus), "--language", "en", "--tokens", "32", "--number", "20")
    assert again.exit_code == 0 and "up to date" in again.stdout
    assert sample(tmp_path / "more.jsonl", "--corpus", str(corpus), "--language", "en", "--tokens", "32").exit_code == 0
    assert rows(tmp_path / "more.jsonl")[:20] == found


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Marie Curie was born in Warsaw.", True),
        ("Angela Merkel met Emmanuel Macron in Berlin.", True),
        ("Maria Alvez met Tom Okoro in Lisbon.", True),
        ("Tom Okoro left.", True),
        ("Ludwig van Beethoven", True),
        ("IBM", True),
        ("Marie Curie wurde in Warschau geboren.", False),
        ("Il fait beau aujourd'hui à Paris.", False),
        ("La vida es bella.", False),
        ("Jan Kowalski mieszka w Krakowie.", False),
        ("我爱北京", False),
    ],
)
def test_names_do_not_decide_the_language_and_what_is_undecided_stays(tmp_path: Path, text: str, kept: bool) -> None:
    (tmp_path / "a.txt").write_text(text, encoding="utf-8")
    out = tmp_path / "out.jsonl"
    result = sample(out, "--corpus", str(tmp_path / "a.txt"), "--language", "en", "--tokens", "32")
    assert result.exit_code == 0 and [row["text"] for row in rows(out)] == ([text] if kept else [])


def test_an_unknown_language_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x", encoding="utf-8")
    result = sample(tmp_path / "out.jsonl", "--corpus", str(tmp_path / "a.txt"), "--language", "klingon")
    assert result.exit_code == 2 and "'klingon' is not a known language" in " ".join(result.stderr.split())


@pytest.mark.parametrize("more", [[], ["--language", "en"]])
def test_without_the_extra_the_command_says_what_to_install(
    tmp_path: Path, more: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.txt").write_text("x", encoding="utf-8")
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    monkeypatch.setitem(__import__("sys").modules, "py3langid.langid", None)
    result = sample(tmp_path / "out.jsonl", "--corpus", str(tmp_path / "a.txt"), *more)
    assert result.exit_code == 1 and "[sample]'" in result.stderr
