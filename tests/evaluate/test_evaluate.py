"""The command on real data with the real student: predictions, scores, report, and going on after a kill."""

from __future__ import annotations

import asyncio
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from uniner_mcp.cli import app
from uniner_mcp.domains import load_catalogue
from uniner_mcp.engines.base import Mention as EngineMention
from uniner_mcp.engines.scripted import ScriptedEngine
from uniner_mcp.evaluate.benchmark import load_benchmark
from uniner_mcp.evaluate.loading import TestSet, load_set
from uniner_mcp.evaluate.mistakes import Mention, judge
from uniner_mcp.evaluate.page import page
from uniner_mcp.evaluate.predictions import Found, Prediction, Run
from uniner_mcp.evaluate.report import markdown
from uniner_mcp.evaluate.scores import as_json, score
from uniner_mcp.evaluate.scoring import Counts, bootstrap, count_partial, count_reference, count_spans
from uniner_mcp.extraction.extractor import Extractor
from uniner_mcp.formats.documents import Discontinuous, Document, Span

DATA = Path(__file__).parents[2] / "data"
SPANS = st.sets(st.tuples(st.integers(0, 12), st.integers(1, 5)).map(lambda pair: (pair[0], sum(pair))), max_size=6)


def command(out: Path, limit: int) -> list[str]:
    sets = ["--data", str(DATA), "--sets", "synthetic_open", "--split", "dev"]
    return ["evaluate", *sets, "--no-cache", "--limit", str(limit), "--out", str(out)]


def evaluate(out: Path, limit: int, *more: str) -> Result:
    return CliRunner().invoke(app, [*command(out, limit), *more])


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
    assert one.asked(Document("1", "", ())) == ["person", "city"]
    assert one.asked(Document("1", "", (), ("gene", "other"))) == ["gene"]


def test_scores_and_report_are_those_of_the_predictions() -> None:
    gold = (Span("Ada", "person", 0, 3), Span("the Rome", "city", 9, 17))
    test_set = TestSet(
        "mit_movie", [Document("a", "Ada left the Rome", gold), Document("b", "x", ())], ["person", "city"]
    )
    found = [Found(type="person", text="Ada", start=0, end=3), Found(type="city", text="Rome", start=13, end=17)]
    prediction = Prediction(id="0", entities=found, unanswered=["gene"], seconds=0.5, usd=0.25)
    scores = score(test_set, {"0": prediction})
    assert scores.paper == Counts(2, 2, 2)  # Articles do not count in the paper's score,
    assert scores.strict == Counts(1, 2, 2) and scores.partial == Counts(1.5, 2, 2)  # but they do in spans.
    run = {"name": "x", "model": "m|n", "date": "d", "version": "v", "machine": "c", "split": "test"}
    report = markdown(run, [scores])
    assert "| mit_movie | 1 | **100.0** |" in report and "0.25 US dollars, unanswered questions: 1" in report
    assert "| 5.3 | 42.4 | 48.7 | 57.2 |" in report and "2.0 passages per second" in report


SEVEN = ("mit_movie", "mit_restaurant", *(f"crossner_{name}" for name in
         ("ai", "literature", "music", "politics", "science")))  # fmt: skip


def test_the_published_figures_have_sources_and_the_averages_of_the_paper() -> None:
    benchmark = load_benchmark()
    assert all("arXiv" in source for source in benchmark.sources.values())
    assert len(benchmark.rows) == 49
    whole = {model: sum(row.f1[model] for row in benchmark.rows) / 49 for model in ("ChatGPT", "UniNER-7B")}
    assert {model: round(mean, 1) for model, mean in whole.items()} == {"ChatGPT": 33.9, "UniNER-7B": 40.7}
    rows = [row for row in map(benchmark.row, SEVEN) if row is not None]
    averages = {name: round(sum(row.f1[name] for row in rows) / 7, 1) for name in benchmark.sources}
    assert averages == {"ChatGPT": 47.5, "UniNER-7B": 53.4, "UniNER-13B": 55.6, "GLiNER-L": 60.9}


def test_the_corrected_averages_of_the_domains_are_those_of_the_rows() -> None:
    rows = load_benchmark().rows
    for name, domain in load_catalogue().items():
        for model in ("ChatGPT", "UniNER-7B"):
            figures = [row.f1[model] for row in rows if row.domain == name]
            assert sum(figures) / len(figures) == pytest.approx(domain.f1[model], abs=0.15), (name, model)


def test_every_row_is_listed_with_how_to_come_by_it(tmp_path: Path) -> None:
    (tmp_path / "crossner_ai").mkdir()
    lines = CliRunner().invoke(app, ["benchmark", "--data", str(tmp_path)]).stdout.splitlines()
    assert len(lines) == 49 and sum("licence-bound" in line for line in lines) == 10
    assert "there" in next(line for line in lines if "CrossNER-AI" in line)
    assert all(row.set for row in load_benchmark().rows if row.status == "available")
    assert all(row.note for row in load_benchmark().rows if row.status != "available")


def test_each_mention_is_judged_once_and_by_what_fits_best() -> None:
    text = "Ada Lovelace met Tom in New York with IBM and Bo"
    gold = [("Ada Lovelace", "person"), ("Tom", "person"), ("New York", "city"), ("IBM", "company")]
    said = [("Ada", "person"), ("Tom", "city"), ("New York", "city"), ("New", "city"), ("Bo", "person")]
    annotated = [Span(name, kind, text.index(name), text.index(name) + len(name)) for name, kind in gold]
    found = [Found(type=kind, text=name, start=text.index(name), end=text.index(name) + len(name))
             for name, kind in said]  # fmt: skip
    judged = judge(Document("1", text, (*annotated, Span("Bo", "dog", 0, 2))), found, ["person", "city", "company"])
    assert [(one.kind, one.gold and text[one.gold.start : one.gold.end],
             one.predicted and text[one.predicted.start : one.predicted.end]) for one in judged.judgements] == [
        ("boundary", "Ada Lovelace", "Ada"), ("wrong type", "Tom", "Tom"), ("spurious", None, "New"),
        ("right", "New York", "New York"), ("missed", "IBM", None), ("spurious", None, "Bo"),
    ]  # fmt: skip


PLACES = st.tuples(st.integers(0, 20), st.integers(1, 6), st.sampled_from("ab"))


@given(st.sets(PLACES, max_size=8), st.sets(PLACES, max_size=8))
def test_no_mention_is_lost_in_judging(gold: set[tuple[int, int, str]], said: set[tuple[int, int, str]]) -> None:
    example = Document("1", "x" * 30, tuple(Span("x", kind, at, at + long) for at, long, kind in gold))
    found = [Found(type=kind, text="x", start=at, end=at + long) for at, long, kind in said]
    judged = judge(example, found, ["a", "b"]).judgements
    assert {one.gold for one in judged} - {None} == {Mention(at, at + long, kind) for at, long, kind in gold}
    assert {one.predicted for one in judged} - {None} == {Mention(at, at + long, kind) for at, long, kind in said}
    assert sum(one.gold is not None for one in judged) == len(gold)
    assert sum(one.kind == "right" for one in judged) == len(gold & said)


HOSTILE = """</p><script>alert("x")</script>&<b onclick='x'>$title"""


def test_the_page_escapes_everything_and_asks_nothing_of_the_network() -> None:
    end = len(HOSTILE)
    example = Document("1", HOSTILE, (Span(HOSTILE, HOSTILE, 0, end),))
    found = [Found(type=HOSTILE, text=HOSTILE[4:], start=4, end=end)]
    scores = score(TestSet(HOSTILE, [example], [HOSTILE], "law"), {"0": Prediction(id="0", entities=found,
                   unanswered=[], seconds=1)})  # fmt: skip
    run: dict[str, object] = {name: HOSTILE for name in ("name", "model", "date", "version", "machine", "split")}
    whole = page(run, [scores])
    assert whole.count("<script>") == whole.count("</script>") == 1 and "onclick='" not in whole
    assert "alert(&quot;x&quot;)" in whole and "boundary" in whole and "$title" in whole
    assert not re.search(r"""(src|href)=|url\(|@import""", whole) and "default-src 'none'" in whole


def test_the_page_shows_bars_beside_what_was_published_and_what_went_wrong(tmp_path: Path) -> None:
    text = "Ada saw Alien and Tom"
    gold = (Span("Ada", "actor", 0, 3), Span("Tom", "actor", 18, 21))
    found = [Found(type="actor", text="Ada", start=0, end=3), Found(type="title", text="Alien", start=8, end=13)]
    one = TestSet("mit_movie", [Document("a", text, gold)], ["actor", "title"], "social_media")
    scores = score(one, {"0": Prediction(id="0", entities=found, unanswered=[], seconds=1)})
    run = {"name": "x", "model": "m", "date": "d", "version": "v", "machine": "c", "split": "test"}
    whole = page(run, [scores])
    for bar in ("mit_movie, this run: 50.0", "mit_movie, ChatGPT: 5.3", "mit_movie, UniNER-7B: 42.4",
                "mit_movie, GLiNER-L: 57.2", "social_media, this run: 50.0"):  # fmt: skip
        assert f"<title>{bar}</title>" in whole
    assert '<mark class="gold said" title="annotated: actor; found: actor">Ada</mark> saw ' in whole
    assert '<mark class="said" title="found: title">Alien</mark>' in whole
    assert '<b class="missed">missed</b> <q>Tom</q> actor' in whole
    assert "1 of 1 passages have errors" in whole
    report = markdown(run, [scores, scores])
    assert "| social_media | mit_movie, mit_movie | **50.0** | 5.3 (30.3) |" in report


def test_of_many_errors_the_page_shows_the_first_and_says_so() -> None:
    examples = [Document(str(number), "Ada", (Span("Ada", "person", 0, 3),)) for number in range(310)]
    nothing = {str(number): Prediction(id="x", entities=[], unanswered=[], seconds=1) for number in range(310)}
    run = {"name": "x", "model": "m", "date": "d", "version": "v", "machine": "c", "split": "test"}
    whole = page(run, [score(TestSet("people", examples, ["person"]), nothing)])
    assert whole.count("<article") == 300 and "310 of 310 passages have errors; the first 300 are shown here" in whole
    assert "<h2>Domains</h2>" not in whole


KILLED = """
import itertools, os, signal
from uniner_mcp import Extractor
from uniner_mcp.cli import main

extract, passages = Extractor.extract, itertools.count()

async def five_times(*given, **options):
    if next(passages) == 5:
        os.kill(os.getpid(), signal.SIGKILL)
    return await extract(*given, **options)

Extractor.extract = five_times
main()
"""


def test_a_run_that_was_killed_goes_on_and_gives_the_same_report(tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert evaluate(whole, 40).exit_code == 0
    process = subprocess.run([sys.executable, "-c", KILLED, *command(killed, 40)], stderr=subprocess.DEVNULL)
    lines = killed / "predictions" / "synthetic_open.jsonl"
    kept = lines.read_bytes()
    assert process.returncode == -signal.SIGKILL and kept.count(b"\n") == 5
    lines.write_bytes(kept + b'{"id": "17", "ent')  # Torn in the middle of a line.
    result = evaluate(killed, 40)
    assert result.exit_code == 0, result.output
    assert lines.read_bytes().startswith(kept)

    def timeless(report: Path) -> str:
        return re.sub(r"[\d.]+ passages per second", "", report.read_text(encoding="utf-8"))

    assert timeless(killed / "report.md") == timeless(whole / "report.md")


def test_a_folder_of_another_run_is_refused(tmp_path: Path) -> None:
    assert evaluate(tmp_path / "run", 3).exit_code == 0
    result = evaluate(tmp_path / "run", 4)
    assert result.exit_code == 2 and "differs in sets" in " ".join(result.stderr.split())
    run = orjson.loads((tmp_path / "run" / "run.json").read_bytes())
    (tmp_path / "run" / "run.json").write_bytes(orjson.dumps({**run, "fingerprint": "other"}))
    result = evaluate(tmp_path / "run", 3)
    assert result.exit_code == 2 and "differs in fingerprint" in " ".join(result.stderr.split())


@pytest.mark.parametrize(
    ("sets", "said"),
    [
        ("nothing", "There is no set nothing with a test split"),
        ("", "There is no data set in"),
        ("--domain=law", "There is no data set of the domain law in"),
    ],
)
def test_sets_that_are_not_there_are_named(tmp_path: Path, sets: str, said: str) -> None:
    command = ["evaluate", "--data", str(tmp_path), "--out", str(tmp_path / "out")]
    command += [sets] if sets.startswith("-") else ["--sets", sets]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 2 and said in " ".join(result.stderr.split())


def test_of_a_domain_only_its_sets_are_measured(tmp_path: Path) -> None:
    for name, domain in (("one", "Law"), ("two", "social media"), ("crossner_ai", "STEM"), ("four", "my own")):
        (tmp_path / "data" / name).mkdir(parents=True)
        (tmp_path / "data" / name / "test.conll").write_text("Marie B-person\nslept O\n", encoding="utf-8")
        (tmp_path / "data" / name / "card.json").write_bytes(orjson.dumps({"domain": domain}))
    measured: dict[str, set[str]] = {}
    for domain in ("law", "Social Media", "general", "stem"):
        out = tmp_path / domain
        command = ["evaluate", "--data", str(tmp_path / "data"), "--out", str(out), "--domain", domain]
        CliRunner().invoke(app, command)
        path = out / "scores.json"
        measured[domain] = set(orjson.loads(path.read_bytes())) if path.exists() else set()
    # CrossNER AI is among the general sets of the paper.
    assert measured == {"law": {"one"}, "Social Media": {"two"}, "general": {"crossner_ai"}, "stem": set()}


def test_several_sets_have_a_mean(tmp_path: Path) -> None:
    for name, tag in (("one", "B-person"), ("two", "B-city")):
        (tmp_path / "data" / name).mkdir(parents=True)
        (tmp_path / "data" / name / "test.conll").write_text(f"Marie {tag}\nslept O\n", encoding="utf-8")
    result = CliRunner().invoke(app, ["evaluate", "--data", str(tmp_path / "data"), "--out", str(tmp_path / "out")])
    assert result.exit_code == 0 and "| mean of the sets | 2 | **" in result.stdout


def run_set(folder: Path, files: dict[str, str], *more: str) -> Result:
    for name, content in files.items():
        (folder / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "data" / name).write_text(content, encoding="utf-8")
    command = ["evaluate", "--data", str(folder / "data"), "--out", str(folder / "out"), "--no-cache", *more]
    return CliRunner().invoke(app, command)


def test_a_sample_and_a_set_that_nano_was_trained_on_are_marked(tmp_path: Path) -> None:
    rows = "Marie B-PER\nCurie I-PER\nslept O\n\nTom B-PER\nslept O\n"
    result = run_set(tmp_path, {"wnut17/test.conll": rows, "mine/test.conll": rows}, "--limit", "1")
    assert result.exit_code == 0, result.output
    assert "| wnut17 (trained on) | 1 of 2 | **" in result.stdout and "| mine | 1 of 2 | **" in result.stdout
    assert "A sample: the first 1 of 2 passages." in result.stdout and "Asked in words: PER as person." in result.stdout
    assert "nano was trained on the training split of this set" in result.stdout
    whole = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "<title>wnut17 (trained on), this run: " in whole and "<p>A sample: the first 1 of 2 passages.</p>" in whole
    scores = orjson.loads((tmp_path / "out" / "scores.json").read_bytes())
    assert scores["wnut17"]["trained_on"] and not scores["mine"]["trained_on"]
    assert scores["mine"]["passages_of_the_set"] == 2


def test_empty_and_unannotated_passages_stop_nothing(tmp_path: Path) -> None:
    brat = {
        "a.txt": "Marie Curie slept.",
        "a.ann": "T1\tPerson 0 11\tMarie Curie\n",
        "b.txt": " \n",
        "b.ann": "",
        "c.txt": "?",
    }
    result = run_set(tmp_path, {f"s/test/{name}": content for name, content in brat.items()})
    assert result.exit_code == 0 and "| s | 2 | **100.0** |" in result.stdout
    assert "Passages that nobody annotated, not scored: 1." in result.stdout


def test_a_passage_that_cannot_be_asked_is_named_and_the_others_are_scored(tmp_path: Path) -> None:
    row = '{"id": "%s", "text": "Marie Curie slept.%s", "entities": [{"type": "person", "start": 0, "end": 11}]}\n'
    files = {"s/test.jsonl": row % ("long", " " * 99) + row % ("short", "")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNINER_MAX_TEXT_CHARS", "50")
        result = run_set(tmp_path, files)
    assert result.exit_code == 0 and "| s | 2 | **66.7** |" in result.stdout
    assert "Passage long could not be asked: The text has 117 characters, but the limit is 50" in result.stdout


async def asked_of(test_set: TestSet, out: Path, most: int) -> tuple[Prediction, list[list[str]]]:
    """Return what an engine that finds every word predicts for the first passage, and the types of each request."""
    requests: list[list[str]] = []

    class Noted(Extractor):
        async def extract(self, text: str, entity_types: Sequence[str] | None = None, *rest: Any, **more: Any) -> Any:
            requests.append(list(entity_types or ()))
            return await super().extract(text, entity_types, *rest, **more)

    async with Noted(ScriptedEngine(lambda passage, kind: [passage.text])) as extractor:
        run = Run(out, extractor, [test_set], "test", most)
        await run.predict(extractor, test_set, lambda: None)
    return run.predictions(test_set.name)["0"], requests


@pytest.mark.parametrize("nested", [False, True])
def test_many_types_are_asked_in_groups_with_the_answer_of_one_request(tmp_path: Path, nested: bool) -> None:
    kinds = [f"kind {number}" for number in range(5)]
    one = TestSet("x", [Document("1", "Ada", ())], kinds, nested=nested)
    whole, together = asyncio.run(asked_of(one, tmp_path / "whole", 5))
    parts, groups = asyncio.run(asked_of(one, tmp_path / "parts", 2))
    assert together == [kinds] and groups == [kinds[:2], kinds[2:4], kinds[4:]]
    assert parts.entities == whole.entities and len(whole.entities) == (5 if nested else 1)


def test_the_annotation_of_nested_types_can_be_reached(tmp_path: Path) -> None:
    text = "Ada Byron"
    gold = (Span("Ada Byron", "person", 0, 9), Span("Ada", "name", 0, 3), Span("Ada Byron", "writer", 0, 9))
    one = TestSet("x", [Document("1", text, gold)], ["name", "person", "writer"], nested=True)

    async def measured() -> Counts:
        said = {span.type: [EngineMention(span.text, (span.start, span.end), 0.9)] for span in gold}
        async with Extractor(ScriptedEngine(lambda passage, kind: said[kind.name])) as extractor:
            run = Run(tmp_path, extractor, [one], "test")
            await run.predict(extractor, one, lambda: None)
        return score(one, run.predictions("x")).paper

    assert asyncio.run(measured()) == Counts(3, 3, 3)


def test_mentions_in_several_parts_are_left_out_on_both_sides() -> None:
    text = "left and right arm, knee"
    example = Document(
        "1", text, (Span("knee", "part", 20, 24),), discontinuous=(Discontinuous("part", ((0, 4), (15, 18))),)
    )
    found = [("part", 0, 18), ("part", 20, 24), ("side", 0, 4)]
    entities = [Found(type=kind, text=text[start:end], start=start, end=end) for kind, start, end in found]
    prediction = Prediction(id="0", entities=entities, unanswered=[], seconds=1)
    scores = score(TestSet("x", [example], ["part", "side"]), {"0": prediction})
    assert scores.paper == Counts(1, 2, 1) and dict(scores.mistakes()) == {"right": 1, "spurious": 1}
    run = {"name": "x", "model": "m", "date": "d", "version": "v", "machine": "c", "split": "test"}
    report = markdown(run, [scores])
    assert "Mentions in several parts, left out on both sides: 1." in report
    assert "| side | 0 | 1 |  |  |  |" in report and "| part | 1 | 1 | 100.0 |" in report
    assert as_json([scores])["x"]["types"]["side"] == {"mentions": 0, "found": 1, "f1": None}  # type: ignore[index,call-overload]


def test_each_row_of_a_conversation_file_is_counted_as_by_the_reference(tmp_path: Path) -> None:
    rows = [(text, kind, gold) for text, kind, gold in (
        ("Ada saw Ada 's Rome .", "person", ["Ada", "Ada"]), ("Ada saw Ada 's Rome .", "city", ["the Rome"]),
        ("Tom", "person", []), ("Ada saw Ada 's Rome .", "person", ["Ada 's"]),
        ("Ada saw Ada 's Rome .", "city", []))]  # fmt: skip
    written = [
        {"conversations": [{"value": f"Text: {text}"}, {"value": ""}, {"value": f"What describes {kind} in the text?"},
                           {"value": orjson.dumps(gold).decode()}]}
        for text, kind, gold in rows
    ]  # fmt: skip
    (tmp_path / "x.json").write_bytes(orjson.dumps(written))
    one = load_set(tmp_path, "x", "test", None)
    answers = {"person": ["Ada", "Tom"], "city": ["Rome", "Ada"]}

    async def measured() -> Counts:
        engine = ScriptedEngine(lambda passage, kind: [name for name in answers[kind.name] if name in passage.text])
        async with Extractor(engine) as extractor:
            run = Run(tmp_path / "out", extractor, [one], "test")
            await run.predict(extractor, one, lambda: None)
        return score(one, run.predictions("x")).paper

    reference = Counts()
    for text, kind, gold in rows:
        said = [name for name in answers[kind] if name in text]
        reference += count_reference(orjson.dumps(gold).decode(), orjson.dumps(said).decode())
    assert asyncio.run(measured()) == reference == Counts(2, 7, 3)


def test_questions_that_are_not_answered_are_counted_and_cost_recall(tmp_path: Path) -> None:
    engine = ["--engine", "vllm", "--base-url", "http://127.0.0.1:9/v1", "--model", "tiny"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNINER_TIMEOUT_S", "0.1")
        result = evaluate(tmp_path / "out", 1, *engine)
    assert result.exit_code == 0 and re.search(r"unanswered questions: [1-9]", result.stdout)
    assert re.search(r"\| synthetic_open \| 1 of \d+ \| \*\*0\.0\*\* \|", result.stdout)


def test_a_set_without_types_is_named(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "test.jsonl").write_text('{"id": "1", "text": "Ada", "entities": []}\n', encoding="utf-8")
    result = CliRunner().invoke(app, ["evaluate", "--data", str(tmp_path), "--out", str(tmp_path / "out")])
    assert result.exit_code == 2 and "has no entity types" in " ".join(result.stderr.split())
