from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace

import anyio
import pytest
from doubles import names_engine

from uniner_mcp import Extraction, ExtractionError, Extractor, RequestError, Settings
from uniner_mcp.engines.base import Answer, Call, Mention, Passage
from uniner_mcp.engines.scripted import ScriptedEngine
from uniner_mcp.errors import EngineError, SettingsError
from uniner_mcp.extraction import extractor as extractor_module
from uniner_mcp.extraction.extractor import LARGE
from uniner_mcp.extraction.passages import split_passages
from uniner_mcp.schema import EntityType

pytestmark = pytest.mark.anyio


async def test_an_extraction_has_the_entities_in_reading_order_and_says_who_answered(names: Extractor) -> None:
    extraction = await names.extract("Bob met Ada in Paris.", ["city", "person"])
    assert [(e.text, e.type, e.start, e.end) for e in extraction.entities] == [
        ("Bob", "person", 0, 3),
        ("Ada", "person", 8, 11),
        ("Paris", "city", 15, 20),
    ]
    assert [(by.engine, by.questions, by.cached) for by in extraction.answered_by] == [("scripted", 2, 0)]


async def test_offsets_are_those_of_the_whole_text_however_it_is_cut() -> None:
    text = "Ada saw Paris. " * 300
    async with Extractor(names_engine(context_budget=60)) as extractor:
        extraction = await extractor.extract(text, ["person", "city"])
    assert len(extraction.entities) == 600
    assert all(text[entity.start : entity.end] == entity.text for entity in extraction.entities)


async def test_progress_is_told_after_every_passage() -> None:
    seen: list[tuple[int, int]] = []

    async def note(done: int, total: int) -> None:
        seen.append((done, total))

    async with Extractor(names_engine(context_budget=60)) as extractor:
        await extractor.extract("Ada saw Paris. " * 100, ["person"], on_progress=note)
    total = seen[0][1]
    assert total > 5
    assert seen == [(number, total) for number in range(1, total + 1)]


async def test_a_listener_that_fails_costs_no_answers() -> None:
    async def gone(done: int, total: int) -> None:
        raise ConnectionError

    async with Extractor(names_engine(context_budget=60)) as extractor:
        extraction = await extractor.extract("Ada saw Paris. " * 20, ["person"], on_progress=gone)
    assert len(extraction.entities) == 20


async def test_a_large_text_is_cut_and_merged_off_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: set[str] = set()

    def noted(text: str, budget: int) -> list[Passage]:
        threads.add(threading.current_thread().name)
        return split_passages(text, budget)

    monkeypatch.setattr(extractor_module, "split_passages", noted)
    async with Extractor(names_engine()) as extractor:
        await extractor.extract("Ada " * (LARGE // 4 + 1), ["person"])
    assert threads and "MainThread" not in threads


async def test_a_failed_question_is_listed_and_the_rest_is_answered() -> None:
    def script(passage: Passage, kind: EntityType) -> list[str]:
        if kind.name == "city" and "Paris" in passage.text:
            raise EngineError("the model ran out of breath")
        return ["Ada"] if kind.name == "person" and "Ada" in passage.text else []

    async with Extractor(ScriptedEngine(script)) as extractor:
        extraction = await extractor.extract("Ada in Paris", ["person", "city"])
    assert [entity.text for entity in extraction.entities] == ["Ada"]
    assert [(missing.type, missing.reason) for missing in extraction.unanswered] == [
        ("city", "the model ran out of breath")
    ]


async def test_a_type_that_failed_for_a_part_of_the_text_says_for_how_much() -> None:
    def script(passage: Passage, kind: EntityType) -> list[str]:
        if "Paris" in passage.text:
            raise EngineError("no")
        return []

    async with Extractor(ScriptedEngine(script, context_budget=40)) as extractor:
        extraction = await extractor.extract("Nothing is here to see at all. " * 20 + "Paris.", ["city"])
    reason = extraction.unanswered[0].reason
    assert reason.startswith("no (1 of ")


async def test_an_error_is_raised_only_when_nothing_could_be_answered() -> None:
    class Dead(ScriptedEngine):
        async def answer(self, passage: Passage, types: Sequence[EntityType], call: Call | None = None) -> list[Answer]:
            raise EngineError("the server is down")

    async with Extractor(Dead(lambda *_: [])) as extractor:
        with pytest.raises(ExtractionError, match="the server is down"):
            await extractor.extract("Ada", ["person", "city"])


async def test_mentions_that_are_not_in_the_text_are_dropped_and_counted() -> None:
    async with Extractor(ScriptedEngine(lambda *_: ["Ada", "Zeus"])) as extractor:
        extraction = await extractor.extract("Ada", ["person"])
    assert [entity.text for entity in extraction.entities] == ["Ada"]
    assert extraction.ungrounded == 1


async def test_limit_and_min_confidence_cut_and_say_so() -> None:
    mentions = [Mention("Ada", (0, 3), 0.9), Mention("Bob", (4, 7), 0.2), Mention("Cyd", (8, 11), 0.8)]
    async with Extractor(ScriptedEngine(lambda *_: mentions)) as extractor:
        sure = await extractor.extract("Ada Bob Cyd", ["person"], min_confidence=0.5)
        assert [entity.text for entity in sure.entities] == ["Ada", "Cyd"]
        assert not sure.truncated
        first = await extractor.extract("Ada Bob Cyd", ["person"], limit=2)
        assert [entity.text for entity in first.entities] == ["Ada", "Bob"]
        assert first.truncated and first.next_start == 8
        rest = await extractor.extract("Ada Bob Cyd", ["person"], start=8)
        assert [(entity.text, entity.start) for entity in rest.entities] == [("Cyd", 8)] and not rest.truncated
        with pytest.raises(RequestError, match="`limit`"):
            await extractor.extract("Ada", ["person"], limit=-1)


async def test_going_on_reads_no_passage_before_the_last_one_and_finds_what_the_whole_has() -> None:
    engine = names_engine(context_budget=20)
    text = "Ada met Bob in Paris on a fine day in May. " * 20
    async with Extractor(engine) as extractor:
        whole = await extractor.extract(text, ["person"])
        passages = len(engine.asked)
        for start in range(0, len(text), 7):
            engine.asked.clear()
            rest = await extractor.extract(text, ["person"], start=start)
            assert rest.entities == [entity for entity in whole.entities if entity.start >= start]
            assert len(engine.asked) <= passages * (1 - start / len(text)) + 3


async def test_an_entity_across_the_start_keeps_its_parts_away() -> None:
    mentions = [Mention("University of Vienna", (0, 20), 0.9), Mention("Vienna", (14, 20), 0.5)]
    async with Extractor(ScriptedEngine(lambda *_: mentions)) as extractor:
        assert not (await extractor.extract("University of Vienna", ["place"], start=5)).entities


async def test_the_former_name_of_meanings_is_deprecated() -> None:
    async with Extractor(names_engine()) as extractor:
        with pytest.warns(DeprecationWarning, match="`meanings`") as caught:
            await extractor.extract("Ada", ["person"], definitions={"person": "a human"})
        assert caught[0].filename == __file__
        with pytest.warns(DeprecationWarning), pytest.raises(RequestError, match="not requested"):
            await extractor.extract("Ada", ["person"], meanings={"city": "a town"}, definitions={"person": "a human"})


async def test_cancelling_a_request_cancels_the_engine() -> None:
    started, cancelled = anyio.Event(), anyio.Event()

    async def script(passage: Passage, kind: EntityType) -> list[str]:
        started.set()
        try:
            await anyio.sleep_forever()
        finally:
            cancelled.set()
        return []

    async with Extractor(ScriptedEngine(script)) as extractor, anyio.create_task_group() as group:
        group.start_soon(extractor.extract, "Ada", ["person"])
        await started.wait()
        group.cancel_scope.cancel()
    assert cancelled.is_set()


async def test_closing_the_extractor_closes_its_engine() -> None:
    engine = names_engine()
    async with Extractor(engine):
        pass
    assert engine.closed


async def test_an_opened_extractor_answers_a_known_question_from_the_cache() -> None:
    async with Extractor.open(Settings()) as extractor:
        first = await extractor.extract("Ada Lovelace lived in London.", ["person", "city"])
        second = await extractor.extract("Ada Lovelace lived in London.", ["person", "country"])
    assert [by.cached for by in first.answered_by] == [0]
    assert [(by.questions, by.cached) for by in second.answered_by] == [(2, 1)]
    assert [e for e in first.entities if e.type == "person"] == [e for e in second.entities if e.type == "person"]


async def test_an_extraction_survives_json(names: Extractor) -> None:
    extraction = await names.extract("Ada", ["person"])
    assert Extraction.model_validate_json(extraction.model_dump_json()) == extraction


async def test_a_setting_that_shows_to_be_wrong_with_the_first_question_is_named() -> None:
    def refuse(passage: Passage, kind: EntityType) -> list[str]:
        raise SettingsError("`vllm_options` has no such option.")

    with pytest.raises(ExtractionError, match="`vllm_options` has no such option"):
        await Extractor(ScriptedEngine(refuse), Settings()).extract("Ada met Bob.", ["person"])


async def test_an_answer_that_was_cut_off_makes_the_extraction_truncated() -> None:
    class Cut(ScriptedEngine):
        async def answer(self, passage: Passage, types: Sequence[EntityType], call: Call | None = None) -> list[Answer]:
            return [replace(answer, truncated=True) for answer in await super().answer(passage, types, call)]

    engine = Cut(lambda passage, kind: ["Ada"])
    extraction = await Extractor(engine, Settings()).extract("Ada met Bob.", ["person"])
    assert extraction.truncated and [entity.text for entity in extraction.entities] == ["Ada"]


@pytest.mark.parametrize(
    ("text", "warned"),
    [
        ("Marie Curie was born in Warsaw.", None),
        ("東京都は日本の首都です。", "the text is at least partly in another language"),
        (
            "The cat sat on the mat with us. " * 80 + "\n\n" + "Der Hund ist nicht auf der Matte und sie auch. " * 60,
            "passages are",
        ),
    ],
)
async def test_passages_in_a_language_that_the_model_does_not_read_are_reported(
    extractor: Extractor, text: str, warned: str | None
) -> None:
    extraction = await extractor.extract(text, ["person"])
    if warned is None:
        assert extraction.warnings == []
    else:
        (warning,) = extraction.warnings
        assert warning.startswith("The model nano-2 reads only English, and") and warned in warning


async def test_an_engine_whose_languages_are_not_known_gives_no_warning(names: Extractor) -> None:
    assert (await names.extract("東京都は日本の首都です。", ["person"])).warnings == []
