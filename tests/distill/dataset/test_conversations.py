from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from uniner_mcp.cli import app
from uniner_mcp.distill.dataset.annotations import Labelled
from uniner_mcp.distill.dataset.conversations import ACKNOWLEDGED, Negatives, Sampler, conversation
from uniner_mcp.distill.student.data import read_rows
from uniner_mcp.shipped import load_prompt

ROOT = Path(__file__).parents[3]
COUNTS = Counter({"person": 600, "city": 300, "gene": 90, "left-back": 10})
PASSAGE = Labelled("7", "Ada left Rome for Rome.", {"person": ("Ada",), "city": ("Rome",)})


def test_a_row_asks_for_every_type_once_in_the_words_of_the_prompt() -> None:
    row = conversation(PASSAGE, ["gene"], seed=1)
    values = [turn["value"] for turn in row["conversations"]]
    assert values[:2] == ["Text: Ada left Rome for Rome.", ACKNOWLEDGED]
    answers = dict(zip(values[2::2], values[3::2], strict=True))
    assert answers == {
        "What describes person in the text?": '["Ada"]',
        "What describes city in the text?": '["Rome"]',
        "What describes gene in the text?": "[]",
    }
    template = load_prompt("uniner").template
    filled = template.replace("{text}", PASSAGE.text).replace("{type}", "gene")
    assert f"{values[0]} ASSISTANT: {values[1]}</s>USER: What describes gene in the text?" in filled
    assert conversation(PASSAGE, [], 1, "CoNLL")["conversations"][0]["value"] == f"Dataset: CoNLL\nText: {PASSAGE.text}"


@pytest.mark.parametrize(("how", "expected"), [("frequency", 0.9), ("uniform", 0.5)])
def test_negatives_are_drawn_as_often_as_they_are_to_be(how: Negatives, expected: float) -> None:
    sampler = Sampler(COUNTS, how, 0.5, seed=3)
    passages = [Labelled(str(number), "", PASSAGE.mentions) for number in range(4000)]
    drawn = Counter(name for passage in passages for name in sampler.draw(passage))
    assert drawn.keys() == {"gene", "left-back"} and drawn.total() == 4000
    # Four standard deviations of a binomial draw.
    assert abs(drawn["gene"] / 4000 - expected) < 4 * (expected * (1 - expected) / 4000) ** 0.5


def test_without_negatives_there_are_none() -> None:
    assert Sampler(COUNTS, "none", 5, seed=3).draw(PASSAGE) == []


@given(
    st.dictionaries(st.sampled_from("abcdefgh"), st.integers(1, 50), min_size=1),
    st.sets(st.sampled_from("abcdefgh"), min_size=1),
    st.sampled_from(["uniform", "frequency"]),
    st.floats(0, 3),
)
def test_a_negative_is_never_a_positive_and_never_drawn_twice(
    counts: dict[str, int], present: set[str], how: Negatives, ratio: float
) -> None:
    passage = Labelled("1", "x", {name: ("x",) for name in present})
    drawn = Sampler(Counter(counts), how, ratio, seed=0).draw(passage)
    assert not present & set(drawn) and len(set(drawn)) == len(drawn) <= len(present) * ratio + 1
    assert drawn == Sampler(Counter(counts), how, ratio, seed=0).draw(passage)


def test_a_part_of_a_negative_is_given_by_lot() -> None:
    sampler = Sampler(COUNTS, "uniform", 0.25, seed=0)
    passages = [Labelled(str(number), "", PASSAGE.mentions) for number in range(2000)]
    assert 900 < sum(len(sampler.draw(passage)) for passage in passages) < 1100


def test_the_command_makes_rows_that_training_reads_and_says_of_what(tmp_path: Path) -> None:
    annotations, out = tmp_path / "annotations.jsonl", tmp_path / "conversations.jsonl"
    row = {"id": "t", "text": "Ada left Rome.", "raw": '[("Ada", "person"), ("Eve", "person")]', "error": None}
    annotations.write_text(json.dumps(row), encoding="utf-8")
    command = ["distill", "conversations", "--set", str(ROOT / "data" / "synthetic_open"), "--out", str(out)]
    command += ["--annotations", str(annotations)]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    rows = list(read_rows(out))
    assert len(rows) == 6189 and rows[0].id == "t"
    manifest = json.loads(out.with_suffix(".manifest.json").read_bytes())
    counts = manifest["counts"]
    assert counts["questions without an answer"] * 2 == counts["questions"]
    assert counts["entities left out"] == {"not in the passage": 1} and counts["types"] > 5000
    before = out.read_bytes()
    assert "up to date" in CliRunner().invoke(app, command).stdout
    out.unlink()
    CliRunner().invoke(app, command)
    assert out.read_bytes() == before
    named = CliRunner().invoke(app, [*command, "--name-sets", "--negatives", "none"])
    assert named.exit_code == 0
    assert list(read_rows(out))[1].pairs()[0][0].startswith("Dataset: synthetic_open\nText: ")
    assert CliRunner().invoke(app, ["distill", "conversations", "--out", str(out)]).exit_code == 2
