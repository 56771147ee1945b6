"""The command on real data with the real student: predictions, scores, report, and going on after a kill."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from uniner_mcp.cli import app
from uniner_mcp.evaluate.datasets import Example, Gold
from uniner_mcp.evaluate.predictions import Found, Prediction, TestSet
from uniner_mcp.evaluate.report import markdown, published, score
from uniner_mcp.evaluate.scoring import Counts, bootstrap, count_partial, count_spans

DATA = Path(__file__).parents[2] / "data"
SPANS = st.sets(st.tuples(st.integers(0, 12), st.integers(1, 5)).map(lambda pair: (pair[0], sum(pair))), max_size=6)


def evaluate(out: Path, limit: int, *more: str) -> Result:
    command = ["evaluate", "--data", str(DATA), "--sets", "synthetic_open", "--split", "dev", "--no-cache"]
    return CliRunner().invoke(app, [*command, "--limit", str(limit), "--out", str(out), *more])


@given(SPANS, SPANS)
def test_strict_spans_are_counted_as_a_plain_loop_counts_them(
    gold: set[tuple[int, int]], predicted: set[tuple[int, int]]
) -> None:
    right = sum(1 for span in predicted for other in gold if span == other)
    assert count_spans(gold, predicted) == Counts(right, len(predicted), len(gold))


@given(SPANS, SPANS)
def test_a_partial_match_lies_between_strict_and_whole(
    gold: set[tuple[int, int]], predicted: set[tuple[int, int]]
) -> None:
    strict, partial = count_spans(gold, predicted), count_partial(gold, predicted)
    overlapping = sum(any(a < d and c < b for c, d in gold) for a, b in predicted)
    assert strict.correct <= partial.correct <= strict.correct + (overlapping - strict.correct) / 2
    assert partial == count_partial(list(gold), list(predicted))


def test_of_overlapping_spans_each_counts_once() -> None:
    assert count_partial([(0, 5)], [(0, 2), (3, 5)]) == Counts(0.5, 2, 1)
    assert count_partial([(0, 5), (6, 9)], [(0, 5), (4, 7)]) == Counts(1.5, 2, 2)
    assert count_partial([(0, 5)], [(5, 7)]) == Counts(0, 1, 1)


def test_the_interval_holds_the_figure_and_narrows_with_more_passages() -> None:
    few = [Counts(1, 2, 2), Counts(2, 2, 2), Counts(0, 1, 2), Counts(1, 1, 1)] * 5
    low, high = bootstrap(few)
    assert low < sum(few, Counts()).f1 < high
    closer = bootstrap(few * 25)
    assert closer[1] - closer[0] < (high - low) / 3
    assert bootstrap(few) == (low, high) and bootstrap([]) == (0.0, 0.0)
    assert bootstrap([Counts(0, 0, 0)] * 3) == (0.0, 0.0)


def test_only_the_types_that_were_annotated_are_asked_and_misc_is_not() -> None:
    one = TestSet("x", [], ["person", "MISC", "city"])
    assert one.asked(Example("1", "", ())) == ["person", "city"]
    assert one.asked(Example("1", "", (), ("gene", "other"))) == ["gene"]


def test_scores_and_report_are_those_of_the_predictions() -> None:
    gold = (Gold("Ada", "person", 0, 3), Gold("the Rome", "city", 9, 17))
    test_set = TestSet(
        "mit_movie", [Example("a", "Ada left the Rome", gold), Example("b", "x", ())], ["person", "city"]
    )
    found = [Found(type="person", text="Ada", start=0, end=3), Found(type="city", text="Rome", start=13, end=17)]
    prediction = Prediction(id="0", entities=found, unanswered=["gene"], seconds=0.5, usd=0.25)
    scores = score(test_set, {"0": prediction})
    assert scores.paper == Counts(2, 2, 2)  # Articles do not count in the paper's score,
    assert scores.strict == Counts(1, 2, 2) and scores.partial == Counts(1.5, 2, 2)  # but they do in spans.
    run = {"name": "x", "model": "m|n", "date": "d", "version": "v", "machine": "c", "split": "test"}
    report = markdown(run, [scores])
    assert "| mit_movie | 1 | **100.0** |" in report and "0.25 US dollars, 1 questions unanswered" in report
    assert "| 5.3 | 42.4 | 48.7 | 57.2 |" in report and "2.0 passages a second" in report


def test_the_published_figures_have_sources_and_the_averages_of_the_paper() -> None:
    figures = published()
    assert all("arXiv" in one.source for one in figures.values())
    averages = {name: round(sum(one.f1.values()) / 7, 1) for name, one in figures.items()}
    assert averages == {"ChatGPT": 47.5, "UniNER-7B": 53.4, "UniNER-13B": 55.6, "GLiNER-L": 60.9}


def test_a_run_that_was_killed_goes_on_and_gives_the_same_report(tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert evaluate(whole, 40).exit_code == 0
    command = ["evaluate", "--data", str(DATA), "--sets", "synthetic_open", "--split", "dev", "--no-cache"]
    with subprocess.Popen(
        [sys.executable, "-m", "uniner_mcp", *command, "--limit", "40", "--out", str(killed)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ,
    ) as process:  # fmt: skip
        lines = killed / "predictions" / "synthetic_open.jsonl"
        while not (lines.exists() and lines.read_bytes().count(b"\n") >= 5):
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
    kept = lines.read_bytes()
    assert 5 <= kept.count(b"\n") < 40
    lines.write_bytes(kept + b'{"id": "17", "ent')  # Torn in the middle of a line.
    result = evaluate(killed, 40)
    assert result.exit_code == 0, result.output
    assert lines.read_bytes().startswith(kept)

    def timeless(report: Path) -> str:
        return re.sub(r"[\d.]+ passages a second", "", report.read_text(encoding="utf-8"))

    assert timeless(killed / "report.md") == timeless(whole / "report.md")


def test_a_folder_of_another_run_is_refused(tmp_path: Path) -> None:
    assert evaluate(tmp_path / "run", 3).exit_code == 0
    result = evaluate(tmp_path / "run", 4)
    assert result.exit_code == 1 and "a run of another sets" in " ".join(result.stderr.split())
    run = orjson.loads((tmp_path / "run" / "run.json").read_bytes())
    (tmp_path / "run" / "run.json").write_bytes(orjson.dumps({**run, "fingerprint": "other"}))
    result = evaluate(tmp_path / "run", 3)
    assert result.exit_code == 1 and "another fingerprint" in " ".join(result.stderr.split())


@pytest.mark.parametrize(
    ("sets", "said"), [("nothing", "Data set 'nothing' has no test split"), ("", "no data set in")]
)
def test_sets_that_are_not_there_are_named(tmp_path: Path, sets: str, said: str) -> None:
    command = ["evaluate", "--data", str(tmp_path), "--out", str(tmp_path / "out"), "--sets", sets]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 1 and said in " ".join(result.stderr.split())


def test_several_sets_have_a_mean(tmp_path: Path) -> None:
    for name, tag in (("one", "B-person"), ("two", "B-city")):
        (tmp_path / "data" / name).mkdir(parents=True)
        (tmp_path / "data" / name / "test.conll").write_text(f"Marie {tag}\nslept O\n", encoding="utf-8")
    result = CliRunner().invoke(app, ["evaluate", "--data", str(tmp_path / "data"), "--out", str(tmp_path / "out")])
    assert result.exit_code == 0 and "| mean of the sets | 2 | **" in result.stdout


def test_questions_that_are_not_answered_are_counted_and_cost_recall(tmp_path: Path) -> None:
    engine = ["--engine", "vllm", "--base-url", "http://127.0.0.1:9/v1", "--model", "tiny"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNINER_TIMEOUT_S", "0.1")
        result = evaluate(tmp_path / "out", 1, *engine)
    assert result.exit_code == 0 and re.search(r"[1-9]\d* questions unanswered", result.stdout)
    assert "| synthetic_open | 1 | **0.0** |" in result.stdout


def test_a_set_without_a_card_is_named(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "test.jsonl").write_text('{"id": "1", "text": "Ada", "entities": []}\n', encoding="utf-8")
    result = CliRunner().invoke(app, ["evaluate", "--data", str(tmp_path), "--out", str(tmp_path / "out")])
    assert result.exit_code == 1 and "no set x" in " ".join(result.stderr.split())
