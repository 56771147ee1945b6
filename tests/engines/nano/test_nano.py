from __future__ import annotations

import asyncio
import os
import shutil
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from engines.contract import PERSON, EngineContract
from hypothesis import given, settings
from hypothesis import strategies as st

from uniner_mcp import EngineError, ExtractionError, Extractor
from uniner_mcp.engines import loading
from uniner_mcp.engines.base import Passage
from uniner_mcp.engines.nano.engine import NanoEngine
from uniner_mcp.engines.nano.manifest import SHIPPED, Manifest, damaged_files, read_manifest, read_scores
from uniner_mcp.engines.nano.runtime import NanoRuntime
from uniner_mcp.engines.nano.spans import MAX_WORDS, Scores, read_spans
from uniner_mcp.engines.nano.words import Gap, Shape, shape_of, split_words
from uniner_mcp.errors import EngineUnavailable
from uniner_mcp.schema import EntityType
from uniner_mcp.tokenizer import load_tokenizer
from uniner_mcp.types.files import MODEL

TEXT = "In 1843 Ada Lovelace translated a paper of Luigi Menabrea in London for the journal Scientific Memoirs."


@pytest.fixture(scope="module")
def runtime() -> NanoRuntime:
    return NanoRuntime(SHIPPED, read_manifest(SHIPPED), 1)


class TestContract(EngineContract):
    """The embedded student."""

    @pytest.fixture
    def opened(self, nano: NanoEngine) -> NanoEngine:
        return nano


@pytest.mark.anyio
async def test_it_finds_people_places_and_years_in_a_plain_sentence(extractor: Extractor) -> None:
    extraction = await extractor.extract(TEXT, ["person", "city", "year"])
    found = {(entity.text, entity.type) for entity in extraction.entities}
    assert {("Ada Lovelace", "person"), ("Luigi Menabrea", "person"), ("London", "city"), ("1843", "year")} <= found


@pytest.mark.anyio
async def test_an_answer_does_not_depend_on_what_else_is_asked(nano: NanoEngine) -> None:
    person, city, chemical = (EntityType(name=name) for name in ("person", "city", "chemical"))
    alone = await nano.answer(Passage(TEXT), [person])
    together = await nano.answer(Passage(TEXT), [chemical, city, person])
    assert alone[0].mentions == together[2].mentions


@pytest.mark.anyio
async def test_a_definition_changes_the_question(nano: NanoEngine) -> None:
    plain, meant = EntityType(name="zog"), EntityType(name="zog", definition="a named town or city")
    answers = await nano.answer(Passage(TEXT), [plain, meant])
    assert [[mention.text for mention in answer.mentions] for answer in answers] == [[], ["London"]]


@pytest.mark.anyio
async def test_an_entity_keeps_its_combining_marks(extractor: Extractor) -> None:
    text = "The singer Beyonce\u0301 met Jose\u0301 in Bogota\u0301."
    extraction = await extractor.extract(text, ["person", "city"])
    assert {entity.text for entity in extraction.entities} >= {"Beyonce\u0301", "Bogota\u0301"}
    assert not any(text[entity.end] == "\u0301" for entity in extraction.entities)


def test_control_tokens_in_a_text_are_plain_characters() -> None:
    tokenizer = load_tokenizer(SHIPPED / "tokenizer.json")
    spans = split_words(tokenizer, "Ada [SEP] Bob").spans
    assert ["Ada [SEP] Bob"[start:end] for start, end in spans] == ["Ada", "[", "SEP", "]", "Bob"]


@pytest.mark.anyio
async def test_changed_weights_are_not_used(tmp_path: Path) -> None:
    shutil.copytree(SHIPPED, tmp_path / "model")
    with (tmp_path / "model" / "table_scale.npy").open("ab") as file:
        file.write(b"x")
    async with Extractor(NanoEngine(tmp_path / "model")) as extractor:
        with pytest.raises(ExtractionError, match="table_scale"):
            await extractor.extract(TEXT, ["person"])


def test_the_engine_is_known_before_the_model_is_loaded() -> None:
    engine = NanoEngine()
    info = engine.info()
    assert (info.name, info.leaves_machine) == ("nano", False)
    assert info.fingerprint.startswith("nano-")
    engine._pool.shutdown()


def test_a_passage_longer_than_the_encoder_is_read_to_its_end(runtime: NanoRuntime) -> None:
    text = "It rained all day and nothing happened at all. " * 120 + "Then Ada Lovelace came from London."
    (found,) = runtime.read(text, ["person"])
    assert "Ada Lovelace" in [text[start:end] for start, end, _ in found]


def test_no_text_and_no_types_cost_nothing(runtime: NanoRuntime) -> None:
    assert runtime.read("", ["person"]) == [[]]
    assert runtime.read(TEXT, []) == []


@settings(max_examples=60)
@given(st.text(max_size=200))
def test_whatever_the_text_every_span_lies_in_it(runtime: NanoRuntime, text: str) -> None:
    for start, end, confidence in runtime.read(text, ["person"])[0]:
        assert 0 <= start < end <= len(text)
        assert 0 <= confidence <= 1


def test_the_shipped_files_are_whole_and_fit_the_limit() -> None:
    assert damaged_files(SHIPPED, read_manifest(SHIPPED)) == []
    assert sum(path.stat().st_size for folder in (SHIPPED, MODEL) for path in folder.iterdir()) < 50_000_000


def test_the_shipped_model_has_measured_scores_and_a_card() -> None:
    scores = read_scores(SHIPPED)
    assert scores is not None
    assert {"crossner_ai", "mit_movie", "wnut17"} <= scores.sets.keys()
    assert "synthetic_open" in (SHIPPED / "README.md").read_text(encoding="utf-8")


def test_a_missing_or_broken_manifest_is_an_engine_error(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="reinstall"):
        NanoEngine(tmp_path)
    (tmp_path / "nano.json").write_text("{}", encoding="utf-8")
    with pytest.raises(EngineError, match="not a nano manifest"):
        NanoEngine(tmp_path)
    (tmp_path / "scores.json").write_text("{}", encoding="utf-8")
    with pytest.raises(EngineError, match="not a file of scores"):
        read_scores(tmp_path)


@pytest.mark.anyio
async def test_weights_that_are_mended_while_it_runs_are_used_after_a_pause(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "RETRY_AFTER", 1000.0)
    shutil.copytree(SHIPPED, tmp_path / "model")
    (tmp_path / "model" / "text.onnx").unlink()
    async with Extractor(NanoEngine(tmp_path / "model")) as extractor:
        with pytest.raises(ExtractionError, match=r"text\.onnx"):
            await extractor.extract(TEXT, ["person"])
        shutil.copy(SHIPPED / "text.onnx", tmp_path / "model")
        with pytest.raises(ExtractionError, match=r"text\.onnx"):
            await extractor.extract(TEXT, ["person"])
        monkeypatch.setattr(loading, "RETRY_AFTER", 0.0)
        assert "Ada Lovelace" in {entity.text for entity in (await extractor.extract(TEXT, ["person"])).entities}


@pytest.mark.anyio
async def test_weights_that_cannot_be_read_fail_the_question_with_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreadable(folder: Path, manifest: Manifest) -> list[str]:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("uniner_mcp.engines.nano.engine.damaged_files", unreadable)
    engine = NanoEngine()
    with pytest.raises(EngineUnavailable, match=r"cannot be loaded \(PermissionError\): run `uniner-mcp doctor`"):
        await engine.answer(Passage(TEXT), [PERSON])
    await engine.aclose()


class Slow:
    """In place of the runtime: its reading waits until it is let go."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.go_on = threading.Event()

    def read(self, text: str, wordings: list[str]) -> list[list[tuple[int, int, float]]]:
        self.begun.set()
        self.go_on.wait()
        return [[(0, 3, 0.5)] for _ in wordings]


@pytest.mark.anyio
async def test_closing_lets_the_running_passage_finish_and_fails_those_that_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    slow = Slow()
    monkeypatch.setattr(NanoEngine, "_load", lambda engine: slow)
    engine = NanoEngine()
    running, waiting = (asyncio.create_task(engine.answer(Passage(text), [PERSON])) for text in ("Ada", "Bob"))
    await asyncio.to_thread(slow.begun.wait)
    await engine.aclose()
    slow.go_on.set()
    with pytest.raises(EngineUnavailable, match="closed"):
        await waiting
    assert [mention.text for mention in (await running)[0].mentions] == ["Ada"]
    with pytest.raises(EngineUnavailable, match="closed"):
        await engine.answer(Passage("Eve"), [PERSON])
    await engine.aclose()


@pytest.mark.anyio
async def test_closing_while_the_model_loads_fails_the_questions_that_wait_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def load(engine: NanoEngine) -> Slow:
        begun.set()
        go_on.wait()
        return Slow()

    monkeypatch.setattr(NanoEngine, "_load", load)
    engine = NanoEngine()
    waiting = asyncio.create_task(engine.answer(Passage("Ada"), [PERSON]))
    await asyncio.to_thread(begun.wait)
    await engine.aclose()
    go_on.set()
    with pytest.raises(EngineUnavailable, match="closed"):
        await waiting


@pytest.mark.anyio
async def test_missing_weights_fail_the_question_with_a_remedy(tmp_path: Path) -> None:
    shutil.copy(SHIPPED / "nano.json", tmp_path)
    async with Extractor(NanoEngine(tmp_path)) as extractor:
        with pytest.raises(Exception, match="uniner-mcp doctor"):
            await extractor.extract(TEXT, ["person"])


def test_the_fingerprint_follows_the_weights() -> None:
    manifest = read_manifest(SHIPPED)
    other = manifest.model_copy(update={"sha256": {**manifest.sha256, "text.onnx": "0"}})
    assert other.fingerprint != manifest.fingerprint
    assert manifest.model_copy(update={"threshold": 0.9}).fingerprint != manifest.fingerprint


@pytest.mark.parametrize(
    ("word", "shape"),
    [("ada", Shape.LOWER), ("Ada", Shape.TITLE), ("A", Shape.TITLE), ("IBM", Shape.UPPER), ("iPhone", Shape.MIXED),
     ("42", Shape.OTHER), ("。", Shape.OTHER), ("北京", Shape.OTHER)],
)  # fmt: skip
def test_the_shape_of_a_word(word: str, shape: Shape) -> None:
    assert shape_of(word) is shape


@pytest.mark.parametrize(
    "text", ["İstanbul e\u0301tait", "a\r\nb", "北京 is big", "👩‍🔬 said", "מדינת ישראל", "tschüß"]
)
def test_words_are_slices_of_the_text_in_order(text: str) -> None:
    pieces = split_words(load_tokenizer(SHIPPED / "tokenizer.json"), text)
    ends = [0, *(end for _, end in pieces.spans)]
    assert all(before <= start < end for before, (start, end) in zip(ends, pieces.spans, strict=False))
    assert len(pieces.first) == len(pieces.spans)


def scores(
    *rows: tuple[float, float, float], link: Mapping[tuple[int, int], float] | None = None, breaks: Sequence[int] = ()
) -> Scores:
    """Scores of words for one type; pairs of words are as likely to be linked as `link` says, others certainly."""
    pairs = np.ones((len(rows), len(rows)), dtype=np.float32)
    for (first, last), sure in (link or {}).items():
        pairs[first, last] = sure
    broken = np.asarray([number in breaks for number in range(len(rows))])
    return Scores([(0, 1)] * len(rows), np.asarray([rows], dtype=np.float32), pairs, broken)


def test_a_span_runs_from_a_start_to_an_end_over_words_inside() -> None:
    found = read_spans(scores((0.9, 0.1, 0.9), (0.1, 0.8, 0.9), (0.1, 0.1, 0.1), (0.7, 0.7, 0.7)), 0, 0.5)
    assert [(first, last) for first, last, _ in found] == [(0, 1), (3, 3)]
    assert found[0][2] == pytest.approx((0.9 + 0.8 + 0.9 + 1) / 4)


def test_a_gap_ends_a_span() -> None:
    assert read_spans(scores((0.9, 0.1, 0.9), (0.1, 0.1, 0.1), (0.1, 0.9, 0.9)), 0, 0.5) == []


def test_of_overlapping_spans_the_most_confident_stays() -> None:
    found = read_spans(scores((0.9, 0.6, 0.9), (0.6, 0.9, 0.9)), 0, 0.5)
    assert [(first, last) for first, last, _ in found] == [(0, 1)]


def test_words_that_are_not_linked_are_two_mentions() -> None:
    rows = (0.9, 0.5, 0.9), (0.1, 0.1, 0.7), (0.5, 0.9, 0.9)
    linked, apart = scores(*rows), scores(*rows, link={(0, 2): 0.1})
    assert [(first, last) for first, last, _ in read_spans(linked, 0, 0.5)] == [(0, 2)]
    assert [(first, last) for first, last, _ in read_spans(apart, 0, 0.5)] == [(0, 0), (2, 2)]


def test_a_mention_does_not_cross_a_break_but_may_begin_with_it() -> None:
    rows = (0.9, 0.9, 0.9), (0.9, 0.9, 0.9), (0.2, 0.9, 0.9)
    assert [(first, last) for first, last, _ in read_spans(scores(*rows, breaks=[1]), 0, 0.5)] == [(0, 0), (1, 1)]


def test_a_span_is_never_longer_than_the_limit() -> None:
    rows = [(0.9, 0.0, 0.9), *[(0.0, 0.0, 0.9)] * MAX_WORDS, (0.0, 0.9, 0.9)]
    assert read_spans(scores(*rows), 0, 0.5) == []


@pytest.mark.parametrize(
    ("text", "gaps"),
    [
        ("Ada Bob", [Gap.LINE, Gap.SPACE]),
        ("Ada, Bob", [Gap.LINE, Gap.NONE, Gap.SPACE]),
        ("Ada\nBob\r\nEve", [Gap.LINE, Gap.LINE, Gap.LINE]),
        ("Ada\n \nBob\r\n\r\nEve", [Gap.LINE, Gap.BLANK_LINE, Gap.BLANK_LINE]),
        ("Ada\tBob    Eve", [Gap.LINE, Gap.TAB, Gap.WIDE]),
        ("- Ada\n\u2022 Bob", [Gap.BULLET, Gap.SPACE, Gap.BULLET, Gap.SPACE]),
        ("1. Ada\n(2) Bob", [Gap.BULLET, Gap.NONE, Gap.SPACE, Gap.BULLET, Gap.NONE, Gap.NONE, Gap.SPACE]),
        ("Ada - Bob\n-5", [Gap.LINE, Gap.SPACE, Gap.SPACE, Gap.LINE, Gap.NONE]),
    ],
)
def test_the_gap_before_each_word(text: str, gaps: list[Gap]) -> None:
    pieces = split_words(load_tokenizer(SHIPPED / "tokenizer.json"), text)
    assert [Gap(pieces.gaps[first]) for first in pieces.first] == gaps
    assert pieces.breaks == [gap >= Gap.BLANK_LINE for gap in gaps]


NAMES = {
    "person": ["Maria Alvez", "Tom Okoro", "Ana Sato", "Paulo Lindqvist", "Ingrid Haas", "Omar Farouk"],
    "city": ["Lisbon", "Porto", "Oslo", "Bergen", "Nairobi", "Lima"],
    "company": ["Brightwater Labs", "Northgate Bank", "Oakfield Holdings", "Velora Energy", "Kestrel Media"],
}


@pytest.mark.anyio
@pytest.mark.parametrize("kind", NAMES)
@pytest.mark.parametrize("separator", ["\n", "\n\n", "\n- ", "\t", ", "])
async def test_each_name_of_a_list_is_an_entity(extractor: Extractor, kind: str, separator: str) -> None:
    extraction = await extractor.extract(separator.join(NAMES[kind]), [kind])
    assert [entity.text for entity in extraction.entities] == NAMES[kind]
