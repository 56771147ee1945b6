"""The whole road with a policy: real sockets, a local model server and a teacher, both of which fail in named ways."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from clock import LIMIT, Clock
from engines.fault_server import FaultServer, Reply, right, status
from engines.policies import write_policy
from engines.teacher_server import (
    FAULTS,
    USAGE,
    asked,
    chat,
    cut_short,
    forgetful,
    strict_about,
    teacher_server,
    unmetered,
)

from uniner_mcp import Extraction, Extractor, Settings
from uniner_mcp.engines.teacher import ledger
from uniner_mcp.engines.teacher.ledger import Ledger, today
from uniner_mcp.errors import ExtractionError

pytestmark = pytest.mark.anyio
TEXT = "Maria Keller works for Acme Robotics in Berlin."
TYPES = ["person", "organization", "location"]
RIGHT = {("person", "Maria Keller"), ("organization", "Acme Robotics"), ("location", "Berlin")}
POLICIES = ["none", "on-failure", "low-confidence", "teacher-only"]
DEADLINE = 3 * LIMIT
NOBODY = "nobody-listens"
SAYS = {
    NOBODY: "cannot be reached",
    "reply-cut-off": "dropped the connection",
    "no-reply": "did not answer in time",
    "html": "not a JSON completion",
    "empty-reply": "not a JSON completion",
    "500": "answered 500",
    "503-retry-after": "asks to wait 3600 s",
    "429-rate-limit": "asks to wait 3600 s",
    "429-no-credit": "no credit left",
    "401-key": "refused the key",
    "404-model": "check `model`",
    "400-too-long": "too long",
    "400-filter": "content filter",
    "400": "refused the request",
    "unreadable": "not in the requested format",
    "refusal": "declined to answer",
    "content-filter": "content filter",
}


def unsure(path: str, body: dict[str, Any]) -> Reply:
    """A local model that is right, but not certain."""
    return Reply(body=right(path, body).body.replace(b"-0.01", b"-0.3"))


class Stage:
    """A local model server and a teacher, and the extractor between them."""

    def __init__(self, folder: Path, stack: AsyncExitStack, clock: Clock) -> None:
        self.folder = folder
        self.stack = stack
        self.clock = clock
        self.local = FaultServer(owned_by="vllm")
        self.teacher = teacher_server()

    async def open(
        self, policy: str, more: str = "", top: str = "", teacher_s: float = LIMIT, **settings: Any
    ) -> Extractor:
        for server in (self.local, self.teacher):
            if not server.url:
                await self.stack.enter_async_context(server.running())
        chosen = policy if policy == "none" else write_policy(self.folder, policy, self.teacher, more, top, teacher_s)
        given: dict[str, Any] = {
            "engine": "vllm", "base_url": self.local.url, "model": "tiny", "timeout_s": LIMIT, "fallback": chosen,
            "request_timeout_s": DEADLINE, "ledger_path": self.folder / "ledger.sqlite",
        }  # fmt: skip
        return await self.stack.enter_async_context(Extractor.open(Settings(**given | settings)))


@pytest.fixture
async def stage(tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    monkeypatch.setattr(ledger, "_BUSY_SECONDS", LIMIT)
    async with AsyncExitStack() as stack:
        yield Stage(tmp_path, stack, clock)


def found(extraction: Extraction) -> set[tuple[str, str]]:
    assert all(TEXT[entity.start : entity.end] == entity.text for entity in extraction.entities)
    return {(entity.type, entity.text) for entity in extraction.entities}


def by(extraction: Extraction) -> dict[str, int]:
    return {one.engine: one.questions for one in extraction.answered_by}


def asked_types(body: dict[str, Any]) -> list[str]:
    return list(asked(body)[1].values())


def echo_placeholders(path: str, body: dict[str, Any]) -> Reply:
    text, questions = asked(body)
    placeholders = re.findall(r"\[[A-Z]+_\d+\]", text)
    return chat(json.dumps(dict.fromkeys(questions, placeholders)))


async def break_down(server: FaultServer, fault: str, stage: Stage) -> None:
    if fault == NOBODY:
        async with server.running():
            pass  # The address is known, and nobody listens any more.
    elif fault == "no-reply":
        server.always = stage.clock.never_replies()
    else:
        server.always = FAULTS[fault]


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("fault", [NOBODY, *FAULTS])
async def test_whatever_the_teacher_does_nothing_is_lost(stage: Stage, fault: str, policy: str) -> None:
    """Local server: down under on-failure, unsure under low-confidence, well otherwise."""
    await break_down(stage.teacher, fault, stage)
    if policy == "on-failure":
        await break_down(stage.local, NOBODY, stage)
    if policy == "low-confidence":
        stage.local.behaviour = unsure
    extractor = await stage.open(policy)
    started = time.monotonic()
    outcome: Extraction | ExtractionError
    try:
        outcome = await extractor.extract(TEXT, TYPES)
    except ExtractionError as error:
        outcome = error
    assert time.monotonic() - started < DEADLINE
    assert "Keller" not in (str(outcome) if isinstance(outcome, ExtractionError) else str(outcome.teacher_missing))
    match policy:
        case "none":
            assert isinstance(outcome, Extraction) and found(outcome) == RIGHT
            assert outcome.teacher_missing is None and by(outcome) == {"vllm": 3} and stage.teacher.asked == []
        case "low-confidence":
            assert isinstance(outcome, Extraction) and found(outcome) == RIGHT and outcome.unanswered == []
            assert outcome.answered_by[0].engine == "vllm" and outcome.answered_by[0].questions == 3
            (missing,) = outcome.teacher_missing or []
            assert missing.cause == "failed" and missing.questions == 3 and SAYS[fault] in missing.reason
        case _:
            assert isinstance(outcome, ExtractionError) and SAYS[fault] in str(outcome)
            assert isinstance(outcome.__cause__, ExceptionGroup)
            assert len(outcome.causes) == (2 if policy == "on-failure" else 1)
            assert ("cannot be reached" in str(outcome.causes[0])) or policy == "teacher-only"


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("fault", [NOBODY, *FAULTS])
async def test_whatever_the_local_server_does_the_teacher_answers_where_it_may(
    stage: Stage, fault: str, policy: str
) -> None:
    await break_down(stage.local, fault, stage)
    extractor = await stage.open(policy)
    started = time.monotonic()
    if policy == "none":
        with pytest.raises(ExtractionError) as failed:
            await extractor.extract(TEXT, TYPES)
        assert "Keller" not in str(failed.value) and stage.teacher.asked == []
    else:
        extraction = await extractor.extract(TEXT, TYPES)
        assert found(extraction) == RIGHT and by(extraction) == {"teacher": 3} and extraction.unanswered == []
        assert len(stage.teacher.asked) == 1
        (taught,) = extraction.answered_by
        assert (taught.input_tokens, taught.output_tokens) == (USAGE["prompt_tokens"], USAGE["completion_tokens"])
        assert taught.usd == pytest.approx((100 * 1 + 20 * 10) / 1e6)
    assert time.monotonic() - started < DEADLINE
    assert not (policy == "teacher-only" and stage.local.asked)


def test_every_fault_is_in_the_docs() -> None:
    page = (Path(__file__).parents[2] / "docs" / "fallbacks.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in page for name in [NOBODY, *FAULTS, *POLICIES])


async def test_of_an_answer_that_is_cut_what_is_whole_is_kept_and_the_rest_is_listed(stage: Stage) -> None:
    stage.teacher.always = cut_short
    extraction = await (await stage.open("teacher-only")).extract(TEXT, TYPES)
    assert found(extraction) == {("person", "Maria Keller"), ("organization", "Acme Robotics")} and extraction.truncated
    (missing,) = extraction.unanswered
    assert missing.type == "location" and "max_answer_tokens" in missing.reason


async def test_a_question_that_the_teacher_forgets_is_listed_and_asked_again_alone(stage: Stage) -> None:
    stage.teacher.faults.append(forgetful)
    extractor = await stage.open("teacher-only")
    first = await extractor.extract(TEXT, TYPES)
    assert [missing.type for missing in first.unanswered] == ["location"] and "did not answer this question" in str(
        first
    )
    second = await extractor.extract(TEXT, TYPES)
    assert found(second) == RIGHT and second.unanswered == []
    assert [list(asked_types(body)) for _, body in stage.teacher.asked] == [TYPES, ["location"]]
    assert [(one.questions, one.cached) for one in second.answered_by] == [(3, 2)]


async def test_fields_that_the_teacher_does_not_know_are_left_out_from_then_on(stage: Stage) -> None:
    fields = ["temperature", "max_completion_tokens", "reasoning_effort", "response_format"]
    stage.teacher.always = lambda path, body: next(
        (fault for field in fields if (fault := strict_about(field)(path, body)) is not None), None
    )
    extractor = await stage.open("teacher-only", "[teacher.options]\ntemperature = 0\nreasoning_effort = 'none'\n")
    assert found(await extractor.extract(TEXT, TYPES)) == RIGHT
    _, last = stage.teacher.asked[-1]
    assert last.keys() == {"model", "messages", "max_tokens"} and last["max_tokens"] == 400
    before = len(stage.teacher.asked)
    await extractor.extract(TEXT + " Tom Reed left Paris.", TYPES)
    assert len(stage.teacher.asked) == before + 1


async def test_a_field_that_several_calls_are_refused_for_fails_none_of_them(stage: Stage) -> None:
    stage.teacher.always = strict_about("temperature")
    extractor = await stage.open("teacher-only", "[teacher.options]\ntemperature = 0\n")
    extractions = await asyncio.gather(*(extractor.extract(f"{n}. {TEXT}", ["person"]) for n in range(6)))
    assert all(extraction.unanswered == [] and len(extraction.entities) == 1 for extraction in extractions)


async def test_what_is_not_metered_is_counted_at_its_worst_case(stage: Stage) -> None:
    stage.teacher.always = unmetered
    extraction = await (await stage.open("teacher-only")).extract(TEXT, TYPES)
    (taught,) = extraction.answered_by
    assert taught.output_tokens == 400 and (taught.input_tokens or 0) > len(TEXT)
    assert Ledger(stage.folder / "ledger.sqlite").spent(today()).output_tokens == 400


async def test_a_recovered_local_engine_takes_over_again(stage: Stage) -> None:
    stage.local.always = FAULTS["500"]
    extractor = await stage.open("on-failure", breaker_failures=2, breaker_pause_s=600, cache=False)
    for _ in range(2):
        assert by(await extractor.extract(TEXT, TYPES)) == {"teacher": 3}
    asked_before = len(stage.local.asked)
    assert by(await extractor.extract(TEXT, TYPES)) == {"teacher": 3}
    assert len(stage.local.asked) == asked_before  # The circuit is open: it is left alone.
    stage.local.always = None
    stage.clock.advance(600)
    assert by(await extractor.extract(TEXT, TYPES)) == {"vllm": 3}


@pytest.mark.parametrize("serve_later", ["true", "false"])
async def test_a_teachers_answer_serves_later_questions_if_the_policy_lets_it(stage: Stage, serve_later: str) -> None:
    stage.local.always = FAULTS["400"]
    extractor = await stage.open("on-failure", top=f"serve_later = {serve_later}")
    assert by(await extractor.extract(TEXT, TYPES)) == {"teacher": 3}
    stage.local.always = None
    later = await extractor.extract(TEXT, TYPES)
    (one,) = later.answered_by
    assert (one.engine, one.cached) == (("teacher", 3) if serve_later == "true" else ("vllm", 0))
    assert len(stage.teacher.asked) == 1


@pytest.mark.parametrize(("key", "most"), [("questions", 7), ("tokens", 4000), ("usd", 0.02)])
@pytest.mark.parametrize("when", ["request", "day"])
async def test_budgets_hold_under_fifty_requests_at_the_same_time(
    stage: Stage, key: str, most: float, when: str
) -> None:
    extractor = await stage.open("teacher-only", f"[budget.{when}]\n{key} = {most}\n", concurrency=64)
    texts = [f"{number}. {TEXT}" for number in range(50)]
    outcomes = await asyncio.gather(*(extractor.extract(text, TYPES) for text in texts), return_exceptions=True)
    done = [outcome for outcome in outcomes if isinstance(outcome, Extraction)]
    assert {type(outcome) for outcome in outcomes} <= {Extraction, ExtractionError}
    spent = Ledger(stage.folder / "ledger.sqlite").spent(today())
    assert spent.input_tokens == 100 * len(stage.teacher.asked)
    total = {"questions": spent.questions, "tokens": spent.input_tokens + spent.output_tokens, "usd": spent.usd}[key]
    if when == "day":
        assert 0 < total <= most and len(done) < 50
        refusals = [str(outcome) for outcome in outcomes if isinstance(outcome, ExtractionError)]
        assert refusals and all("budget of" in said for said in refusals)
    else:
        assert len(done) == 50 and total <= 50 * most  # Each has a budget of its own, which is enough.


@pytest.mark.parametrize("when_spent", ["keep-local", "unanswered"])
async def test_when_the_budget_is_gone_the_policy_says_what_stands(stage: Stage, when_spent: str) -> None:
    stage.local.behaviour = unsure
    more = f"[budget]\nwhen_spent = '{when_spent}'\n[budget.request]\nquestions = 1\n"
    extraction = await (await stage.open("low-confidence", more)).extract(TEXT, TYPES)
    (missing,) = extraction.teacher_missing or []
    assert (missing.cause, missing.questions) == ("budget", 2)
    assert by(extraction)["teacher"] == 1
    if when_spent == "keep-local":
        assert found(extraction) == RIGHT and extraction.unanswered == []
    else:
        assert [one.type for one in extraction.unanswered] == TYPES[1:] and "budget" in extraction.unanswered[0].reason


async def test_what_must_not_be_sent_is_not_sent(stage: Stage) -> None:
    extractor = await stage.open("teacher-only", "[send]\nmax_chars = 40\n")
    with pytest.raises(ExtractionError, match="does not send passages of over 40 characters"):
        await extractor.extract(TEXT, TYPES)
    with pytest.raises(ExtractionError, match="never sends texts of the domain clinical"):
        await extractor.extract("Short.", domain="clinical")
    assert stage.teacher.asked == []


async def test_where_the_local_model_is_known_to_be_weak_the_teacher_answers(stage: Stage) -> None:
    extractor = await stage.open("low-confidence", engine="nano", base_url=())
    extraction = await extractor.extract("Ada Lovelace wrote to Tom Reed.", domain="programming")
    assert "nano" not in by(extraction)  # 19 % F1 is below the 30 of the policy.
    extraction = await extractor.extract("Ada Lovelace wrote to Tom Reed.", ["person"])
    assert by(extraction) == {"nano": 1}


async def test_what_is_redacted_does_not_reach_the_teacher_and_comes_back_in_its_mentions(stage: Stage) -> None:
    text = "Write to maria.keller@example.org, says Maria Keller."
    stage.teacher.always = echo_placeholders
    extraction = await (await stage.open("teacher-only")).extract(
        text, ["e-mail address"], meanings={"e-mail address": "such as tom@example.org"}
    )
    assert [text[entity.start : entity.end] for entity in extraction.entities] == ["maria.keller@example.org"]
    assert "example.org" not in str(stage.teacher.asked)
    assert asked_types(stage.teacher.asked[0][1]) == ["e-mail address: such as [EMAIL]"]


async def test_cancelling_a_request_reaches_the_call_and_keeps_what_was_answered(stage: Stage) -> None:
    stage.local.faults += [right, right]
    stage.local.always = stage.clock.never_replies()
    stage.teacher.always = FAULTS["no-reply"]
    # llama.cpp is asked one question after the other: what was answered has arrived when the next one is asked.
    extractor = await stage.open("on-failure", engine="llama-cpp")
    call = asyncio.create_task(extractor.extract(TEXT, TYPES))
    await stage.teacher.until(lambda server: bool(server.asked))
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await stage.teacher.until(lambda server: bool(server.left))
    stage.local.always = stage.teacher.always = None
    again = await extractor.extract(TEXT, TYPES)
    assert found(again) == RIGHT and sum(one.cached for one in again.answered_by) == 2


async def test_at_the_deadline_of_a_request_what_is_answered_is_given(stage: Stage) -> None:
    stage.local.faults.append(right)
    stage.local.always = stage.clock.never_replies()
    # llama.cpp is asked one question after the other: the first answer has arrived when the second question is asked.
    extractor = await stage.open("none", engine="llama-cpp", timeout_s=10 * LIMIT, request_timeout_s=LIMIT)
    extraction = await extractor.extract(TEXT, TYPES)
    assert len(extraction.entities) == 1 and len(extraction.unanswered) == 2
    assert {one.reason for one in extraction.unanswered} == {"the request timed out before llama-cpp answered"}


async def test_at_the_deadline_the_local_answers_stand_that_the_teacher_was_to_improve(stage: Stage) -> None:
    stage.local.behaviour = unsure
    stage.teacher.always = stage.clock.never_replies()
    extractor = await stage.open("low-confidence", teacher_s=10 * LIMIT, request_timeout_s=LIMIT)
    extraction = await extractor.extract(TEXT, TYPES)
    assert found(extraction) == RIGHT and extraction.unanswered == []
    (missing,) = extraction.teacher_missing or []
    assert (missing.cause, missing.questions) == ("failed", 3) and "the request timed out" in missing.reason


async def test_a_ledger_that_cannot_be_written_lets_nothing_be_sent(stage: Stage) -> None:
    (stage.folder / "ledger.sqlite").write_bytes(b"no database" * 100)
    with pytest.raises(ExtractionError, match="so nothing is spent"):
        await (await stage.open("teacher-only")).extract(TEXT, TYPES)
    assert stage.teacher.asked == []


async def test_a_request_that_is_dearer_than_its_budget_is_not_sent(stage: Stage) -> None:
    extractor = await stage.open("teacher-only", "[budget.request]\ntokens = 100\n")
    with pytest.raises(ExtractionError, match=r"the budget of a request \(100 tokens\)"):
        await extractor.extract(TEXT, TYPES)
    assert stage.teacher.asked == [] and Ledger(stage.folder / "ledger.sqlite").spent(today()).questions == 0


async def test_a_status_that_means_nothing_known_is_told_as_it_is(stage: Stage) -> None:
    stage.teacher.always = status(418)
    with pytest.raises(ExtractionError, match="answered 418"):
        await (await stage.open("teacher-only")).extract(TEXT, TYPES)


async def test_where_the_local_engine_fails_again_the_teachers_answer_comes_from_the_cache(stage: Stage) -> None:
    stage.local.always = FAULTS["400"]
    extractor = await stage.open("on-failure", top="serve_later = false")
    for cached in (0, 3):
        (one,) = (await extractor.extract(TEXT, TYPES)).answered_by
        assert (one.engine, one.cached) == ("teacher", cached)
    assert len(stage.teacher.asked) == 1
