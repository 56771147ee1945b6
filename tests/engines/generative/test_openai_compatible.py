from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import format_datetime
from types import SimpleNamespace
from typing import Any

import pytest
from clock import LIMIT, Clock
from engines.contract import PERSON, SENTENCE, EngineContract
from engines.fault_server import (
    FaultServer,
    Reply,
    completion,
    cut,
    empty,
    html,
    not_json,
    right,
    status,
    stuck,
    unless,
)

from uniner_mcp import EngineError, Extractor, load_settings
from uniner_mcp.engines.base import Engine, EngineInfo, Passage
from uniner_mcp.engines.generative import failures, openai_compatible, replicas
from uniner_mcp.engines.generative.engine import Completion, GenerativeEngine, Sampling
from uniner_mcp.engines.generative.openai_compatible import ServerModel, served_models
from uniner_mcp.engines.generative.profiles import find_profile

pytestmark = pytest.mark.anyio
CONVERSATION = find_profile("uniner").conversation()
INSTRUCT = find_profile("llama3.2").conversation()
GREEDY = Sampling(64, ("</s>",), grammar="root ::= x")
MARIA = ' ["Maria Keller"]'


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openai_compatible, "FIRST_WAIT", 0.01)
    monkeypatch.setattr(openai_compatible, "CHECK_TIMEOUT", LIMIT)
    monkeypatch.setattr(replicas, "FIRST_PAUSE", 0.05)


@asynccontextmanager
async def asking(*servers: FaultServer, urls: list[str] | None = None, **options: Any) -> AsyncIterator[ServerModel]:
    """A model behind these servers, which are running."""
    given = {"api_key": None, "api": "auto", "dialect": None, "timeout_s": LIMIT, "at_once": 8, "model": "tiny"}
    model = ServerModel(base_urls=urls or [server.url for server in servers], **{**given, **options})
    try:
        yield model
    finally:
        await model.aclose()
        await model.aclose()


async def ask(model: ServerModel, *wordings: str, conversation: Any = CONVERSATION) -> list[Completion | EngineError]:
    return await model.complete_all(conversation, SENTENCE, wordings or ["person"], GREEDY)


def texts(answers: list[Completion | EngineError]) -> list[str]:
    return [answer.text if isinstance(answer, Completion) else f"failed: {answer}" for answer in answers]


class TestContract(EngineContract):
    """The engine over HTTP, against a server that knows a few names."""

    @pytest.fixture(params=["completions", "chat"])
    async def opened(self, request: pytest.FixtureRequest) -> AsyncIterator[Engine]:
        async with FaultServer().running() as server, asking(server, api=request.param) as model:
            info = EngineInfo("openai", "tiny", "openai-tiny", 384, leaves_machine=False)
            yield GenerativeEngine(info, CONVERSATION, GREEDY, model, constrained=True)


@pytest.mark.parametrize(
    "fault", [status(429), status(500), status(502), status(503), status(504), cut, not_json, html, empty]
)
async def test_what_may_go_better_is_tried_again(fault: Any) -> None:
    async with FaultServer(fault, fault).running() as server, asking(server) as model:
        assert texts(await ask(model)) == [MARIA]
        assert len(server.asked) == 3


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (status(500), "answered 500; gave up"),
        (status(429), "answered 429; gave up"),
        (cut, "cannot be reached or dropped the connection"),
        (html, "not a JSON completion"),
        (None, f"did not answer in time; gave up (time limit {LIMIT:g} s)"),
    ],
)
async def test_what_never_goes_better_is_given_up_in_time_and_said(fault: Any, said: str, clock: Clock) -> None:
    async with (
        FaultServer(always=fault_of_post(fault or clock.never_replies())).running() as server,
        asking(server) as model,
    ):
        (failure,) = await ask(model)
    assert isinstance(failure, EngineError) and said in str(failure) and f"127.0.0.1:{server.port}" in str(failure)
    assert "Keller" not in str(failure)


async def test_a_server_that_is_stuck_holds_a_question_no_longer_than_its_time(clock: Clock) -> None:
    async with FaultServer(always=clock.never_replies()).running() as server, asking(server) as model:
        answers = await ask(model, *["person"] * 8)
    assert all("did not answer in time" in said for said in texts(answers))
    assert server.asked == [] and server.models == 1  # It did not even list its models.


async def test_a_last_try_that_is_cut_short_does_not_hide_the_reason(clock: Clock) -> None:
    ill = FaultServer(status(429), always=fault_of_post(clock.never_replies()))
    async with ill.running() as server, asking(server) as model:
        (failure,) = await ask(model)
    assert len(server.asked) == 2 and f"answered 429; gave up (time limit {LIMIT:g} s)" in str(failure)


async def test_a_stuck_llama_cpp_holds_a_call_no_longer_than_one_question(clock: Clock) -> None:
    async with (
        FaultServer(always=clock.never_replies()).running() as server,
        asking(server, dialect="llama-cpp") as model,
    ):
        answers = await ask(model, *["person"] * 8)
    assert len(answers) == 8 and all("did not answer in time" in said for said in texts(answers))
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("fault", "said"),
    [(status(401), "set `api_key`"), (status(403), "set `api_key`"), (status(400), "too long"), (status(418), "418")],
)
async def test_what_cannot_go_better_is_said_at_once(fault: Any, said: str) -> None:
    async with FaultServer(always=fault_of_post(fault)).running() as server, asking(server) as model:
        (failure,) = await ask(model)
    assert isinstance(failure, EngineError) and said in str(failure) and "Keller" not in str(failure)
    assert len(server.asked) <= 2


async def test_one_failed_question_leaves_the_others() -> None:
    async with (
        FaultServer(always=unless(lambda body: "gene" not in str(body), 418)).running() as server,
        asking(server) as model,
    ):
        answers = texts(await ask(model, "person", "gene", "location"))
    assert answers[0] == MARIA and answers[1].startswith("failed") and answers[2] == ' ["Berlin"]'


async def test_retry_after_in_seconds_is_waited_for(clock: Clock) -> None:
    async with FaultServer(status(429, retry_after="30.5")).running() as server, asking(server) as model:
        assert texts(await ask(model)) == [MARIA]
    assert clock.slept == [30.5]


async def test_retry_after_as_a_date_is_waited_for(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failures, "time", SimpleNamespace(time=lambda: 1_800_000_000 - 30.5))
    soon = format_datetime(datetime.fromtimestamp(1_800_000_000, UTC), usegmt=True)
    async with FaultServer(status(503, retry_after=soon)).running() as server, asking(server) as model:
        assert texts(await ask(model)) == [MARIA]
    assert clock.slept == [30.5]


@pytest.mark.parametrize("odd", ["soon", "-3"])
async def test_an_odd_retry_after_does_no_harm(odd: str) -> None:
    async with FaultServer(status(429, retry_after=odd)).running() as server, asking(server) as model:
        assert texts(await ask(model)) == [MARIA]


async def test_a_wait_beyond_the_limit_is_not_begun(clock: Clock) -> None:
    async with FaultServer(status(429, retry_after="3600")).running() as server, asking(server) as model:
        (failure,) = await ask(model)
    assert isinstance(failure, EngineError) and "answered 429 and asks to wait 3600 s" in str(failure)
    assert clock.slept == []


@pytest.mark.parametrize(
    ("owner", "expected"),
    [
        ("vllm", {"structured_outputs": {"grammar": "root ::= x"}}),
        ("llamacpp", {"grammar": "root ::= x", "cache_prompt": True}),
        ("library", {}),
    ],
)
async def test_each_kind_of_server_gets_the_grammar_in_its_own_words(owner: str, expected: dict[str, Any]) -> None:
    async with FaultServer(owned_by=owner).running() as server, asking(server) as model:
        await ask(model, "person", "location")
    for path, body in server.asked:
        assert path == "/v1/completions"
        named = ("structured_outputs", "grammar", "cache_prompt", "response_format", "guided_grammar")
        assert {name: body[name] for name in named if name in body} == expected
        assert (body["model"], body["temperature"], body["max_tokens"], body["stop"]) == ("tiny", 0.0, 64, ["</s>"])
        assert body["prompt"].endswith("ASSISTANT:")
    assert server.models == 1


async def test_a_server_whose_kind_is_set_is_not_asked_for_it() -> None:
    async with FaultServer().running() as server, asking(server, dialect="vllm") as model:
        await ask(model)
    assert server.models == 0 and "structured_outputs" in server.asked[0][1]


@pytest.mark.parametrize("listing", [status(404), html])
async def test_a_server_that_lists_no_models_is_asked_for_them_once(listing: Any) -> None:
    async with FaultServer(always=fault_of_get(listing)).running() as server, asking(server) as model:
        assert texts([*await ask(model, "person", "location"), *await ask(model)]) == [MARIA, ' ["Berlin"]', MARIA]
    assert server.models == 1


async def test_a_server_that_is_not_well_yet_is_asked_again_for_its_kind() -> None:
    starting = [status(503), status(503)]

    def fault(path: str, body: dict[str, Any]) -> Any:
        return starting.pop()(path, body) if starting else None

    async with FaultServer(owned_by="vllm", always=fault).running() as server, asking(server) as model:
        assert texts(await ask(model, "person", "location")) == [MARIA, ' ["Berlin"]']
    assert all("structured_outputs" in body for _, body in server.asked) and server.models == 3


async def test_llama_cpp_gets_the_questions_of_a_passage_one_after_the_other() -> None:
    later = unless(lambda body: True)
    async with FaultServer(owned_by="llamacpp", always=later).running() as server, asking(server) as model:
        await ask(model, *["person"] * 6)
    assert server.most_at_once == 1


async def test_other_servers_get_them_at_once_but_never_more_than_the_limit() -> None:
    enough = asyncio.Event()
    lingering = FaultServer(always=lambda path, body: replace(right(path, body), hold=enough) if body else None)
    async with lingering.running() as server, asking(server, at_once=3) as model:
        call = asyncio.create_task(ask(model, *["person"] * 9))
        await server.until(lambda server: len(server.asked) == 3)
        enough.set()
        await call
    assert server.most_at_once == 3


async def test_probabilities_become_confidence() -> None:
    async with FaultServer().running() as server, asking(server) as model:
        (answer,) = await ask(model)
        assert isinstance(answer, Completion) and answer.tokens is not None
        assert b"".join(token.text for token in answer.tokens).decode() == answer.text


async def test_a_server_without_probabilities_gives_none() -> None:
    bare = FaultServer(always=lambda path, body: completion(path, MARIA) if body else None)
    async with bare.running() as server, asking(server) as model:
        (answer,) = await ask(model)
    assert answer == Completion(MARIA, None)


async def test_a_server_that_refuses_probabilities_is_asked_without_from_then_on() -> None:
    async with (
        FaultServer(always=unless(lambda body: "logprobs" not in body)).running() as server,
        asking(server) as model,
    ):
        assert texts([*await ask(model), *await ask(model)]) == [MARIA, MARIA]
    assert ["logprobs" in body for _, body in server.asked] == [True, False, False]


async def test_a_chat_gets_a_schema_until_the_server_refuses_it() -> None:
    async with (
        FaultServer(always=unless(lambda body: "response_format" not in body)).running() as server,
        asking(server) as model,
    ):
        answers = [*await ask(model, conversation=INSTRUCT), *await ask(model, conversation=INSTRUCT)]
    assert ["response_format" in body for _, body in server.asked] == [True, False, False]
    assert all("logprobs" in body for _, body in server.asked)
    assert {path for path, _ in server.asked} == {"/v1/chat/completions"}
    assert all(isinstance(answer, Completion) for answer in answers)


async def test_free_text_needs_no_schema() -> None:
    async with FaultServer(always=fault_of_post(status(400))).running() as server, asking(server, api="chat") as model:
        await model.complete_all(CONVERSATION, SENTENCE, ["person"], Sampling(64, ()))
    assert [("response_format" in body, "logprobs" in body) for _, body in server.asked] == [
        (False, True),
        (False, False),
    ]


async def test_a_server_without_completions_is_chatted_with() -> None:
    chat_only = FaultServer(always=lambda path, body: status(404)(path, body) if path == "/v1/completions" else None)
    async with chat_only.running() as server, asking(server) as model:
        assert texts([*await ask(model), *await ask(model)]) == [MARIA, MARIA]
    assert [path for path, _ in server.asked] == ["/v1/completions", *["/v1/chat/completions"] * 2]
    assert [turn["role"] for turn in server.asked[1][1]["messages"]] == ["system", "user", "assistant", "user"]


@pytest.mark.parametrize("api", ["auto", "completions", "chat"])
async def test_a_server_that_knows_neither_is_an_error_with_advice(api: str) -> None:
    async with (
        FaultServer(always=fault_of_post(status(404))).running() as server,
        asking(server, api=api) as model,
    ):
        (failure,) = await ask(model)
    assert isinstance(failure, EngineError) and "has no model tiny" in str(failure)
    assert len(server.asked) == (2 if api == "auto" else 1)


async def test_only_the_key_that_is_set_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-another-service")
    async with (
        FaultServer().running() as server,
        asking(server) as model,
    ):
        await ask(model)
        async with asking(server, api_key="mine") as model:
            await ask(model)
    assert {head["authorization"] for head in server.heads} == {"Bearer none", "Bearer mine"}


async def test_what_is_set_for_another_service_of_this_api_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "another-1")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "another-2")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Token: another-3\nAuthorization: another-4")
    async with FaultServer().running() as server, asking(server) as model:
        assert texts(await ask(model)) == [MARIA]
        await asyncio.to_thread(served_models, server.url, None, LIMIT)
    assert len(server.heads) == 3 and "another" not in str(server.heads)


async def test_no_proxy_stands_between_us_and_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    async with FaultServer().running() as server, asking(server) as model:
        assert texts(await ask(model)) == [MARIA]


async def test_nothing_of_the_text_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    ill = FaultServer(status(500), not_json, always=fault_of_post(status(400)))
    async with ill.running() as server, asking(server) as model:
        await ask(model)
    assert len(server.asked) == 4
    assert "Keller" not in caplog.text


async def test_passages_go_round_and_each_stays_with_its_server() -> None:
    async with FaultServer().running() as one, FaultServer().running() as two, asking(one, two) as model:
        for _ in range(4):
            await ask(model, "person", "location", "gene")
    assert (len(one.asked), len(two.asked)) == (6, 6)


@pytest.mark.parametrize("fault", [status(500), cut, html])
async def test_questions_go_on_with_the_next_server_when_one_fails(fault: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replicas, "FIRST_PAUSE", 10 * LIMIT)
    ill = FaultServer(always=fault_of_post(fault))
    async with ill.running() as one, FaultServer().running() as two, asking(one, two) as model:
        assert texts(await ask(model, "person", "location")) == [MARIA, ' ["Berlin"]']
        asked = len(one.asked)
        await ask(model)
        assert len(one.asked) == asked  # It is in its pause.


async def test_a_long_retry_after_does_not_hold_questions_that_another_server_can_answer() -> None:
    ill = FaultServer(always=fault_of_post(status(503, retry_after="3600")))
    async with ill.running() as one, FaultServer().running() as two, asking(one, two) as model:
        assert texts(await ask(model, "person", "location")) == [MARIA, ' ["Berlin"]']


async def test_a_stuck_server_leaves_time_for_the_next_one(clock: Clock) -> None:
    ill = FaultServer(always=fault_of_post(clock.never_replies(LIMIT / 2)))
    async with ill.running() as one, FaultServer().running() as two, asking(one, two) as model:
        assert texts(await ask(model, "person", "location")) == [MARIA, ' ["Berlin"]']
    assert len(two.asked) == 2


async def test_a_server_that_comes_back_gets_the_questions_that_another_fails_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(openai_compatible, "LONGEST_WAIT", 0.05)
    one, ill = FaultServer(), FaultServer(always=fault_of_post(status(500)))
    async with one.running():
        port = one.port
    async with ill.running() as two, asking(urls=[one.url, two.url]) as model:
        call = asyncio.create_task(ask(model))
        await two.until(lambda server: bool(server.asked))
        async with FaultServer().running(port):
            assert texts(await call) == [MARIA]


async def test_a_server_that_lists_no_models_is_used_again_too(clock: Clock) -> None:
    one = FaultServer()
    async with one.running():
        port = one.port
    async with FaultServer().running() as two, asking(urls=[one.url, two.url]) as model:
        await ask(model)
        async with FaultServer(always=fault_of_get(status(404))).running(port) as back:
            clock.advance(LIMIT)
            for _ in range(2):
                await ask(model)
            assert len(back.asked) == 1


async def test_a_server_that_comes_back_is_used_again(clock: Clock) -> None:
    one = FaultServer()
    async with one.running():
        port = one.port
    async with FaultServer().running() as two, asking(urls=[one.url, two.url]) as model:
        assert texts(await ask(model)) == [MARIA]
        assert len(two.asked) == 1
        async with FaultServer().running(port) as back:
            clock.advance(LIMIT)
            for _ in range(4):
                assert texts(await ask(model)) == [MARIA]
            assert len(back.asked) >= 1


async def test_where_all_servers_are_down_it_is_said(clock: Clock) -> None:
    async with FaultServer().running() as one, FaultServer().running() as two:
        urls = [one.url.replace("//", "//me:secret@"), two.url]
    async with asking(urls=urls) as model:
        answers = await ask(model, "person", "gene")
    for answer in answers:
        assert isinstance(answer, EngineError) and "cannot be reached" in str(answer) and "secret" not in str(answer)
        assert f"none of the servers (127.0.0.1:{one.port}, 127.0.0.1:{two.port}) is available" in str(answer)


async def test_questions_that_are_open_when_it_is_closed_fail() -> None:
    async with FaultServer(always=fault_of_post(stuck)).running() as server, asking(server) as model:
        call = asyncio.create_task(ask(model))
        await server.until(lambda server: bool(server.asked))
        await model.aclose()
        (failure,) = await call
    assert isinstance(failure, EngineError) and "are closed" in str(failure)
    assert len(server.asked) == 1


async def test_cancelling_ends_the_requests() -> None:
    async with FaultServer(always=fault_of_post(stuck)).running() as server, asking(server) as model:
        call = asyncio.create_task(ask(model, "person", "location"))
        await server.until(lambda server: len(server.asked) == 2)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await server.until(lambda server: server.left == 2)


async def test_no_questions_are_no_requests() -> None:
    async with FaultServer().running() as server, asking(server) as model:
        assert await model.complete_all(CONVERSATION, SENTENCE, [], GREEDY) == []
    assert server.asked == [] and server.models == 0


async def test_special_tokens_of_a_text_do_not_reach_the_server_and_are_mended_in_mentions() -> None:
    def copying(path: str, body: dict[str, Any]) -> Any:
        if not body:
            return None
        copied = body["prompt"].split("Text: ")[1].split(" ends")[0]
        return completion(path, json.dumps([copied], ensure_ascii=False))

    async with FaultServer(always=copying).running() as server, asking(server) as model:
        info = EngineInfo("openai", "tiny", "x", 384, leaves_machine=False)
        engine = GenerativeEngine(info, CONVERSATION, GREEDY, model, constrained=True)
        extraction = await Extractor(engine).extract("</s> ends it.", ["tag"])
    assert [entity.text for entity in extraction.entities] == ["</s>"]
    assert server.asked[0][1]["prompt"].count("</s>") == 1


async def test_an_unreadable_answer_is_asked_for_once_more_and_then_unanswered() -> None:
    prose = FaultServer(always=lambda path, body: completion(path, "The person is Maria.") if body else None)
    async with prose.running() as server, asking(server) as model:
        info = EngineInfo("openai", "tiny", "x", 384, leaves_machine=False)
        engine = GenerativeEngine(info, CONVERSATION, GREEDY, model, constrained=False)
        (answer,) = await engine.answer(Passage(SENTENCE), [PERSON])
    assert (
        answer.failure is not None and "in two attempts" in str(answer.failure) and "Maria" not in str(answer.failure)
    )
    assert [body["temperature"] for _, body in server.asked] == [0, 0.5]
    assert "grammar" not in str(server.asked)


async def test_the_second_try_may_be_read() -> None:
    def first(path: str, body: dict[str, Any]) -> Reply:
        return completion(path, "Well,")

    async with FaultServer(first).running() as server, asking(server) as model:
        info = EngineInfo("openai", "tiny", "x", 384, leaves_machine=False)
        engine = GenerativeEngine(info, CONVERSATION, GREEDY, model, constrained=True)
        (answer,) = await engine.answer(Passage(SENTENCE), [PERSON])
    assert [mention.text for mention in answer.mentions] == ["Maria Keller"]


async def test_a_list_that_was_cut_off_makes_the_extraction_truncated_and_is_not_cached() -> None:
    half = FaultServer(always=lambda path, body: completion(path, '["Maria Keller", "Ac') if body else None)
    async with half.running() as server:
        settings = load_settings(base_url=server.url, profile="uniner")
        extractor = await asyncio.to_thread(Extractor.open, settings)
        async with extractor:
            for _ in range(2):
                extraction = await extractor.extract(SENTENCE, ["person"])
                assert extraction.truncated and [entity.text for entity in extraction.entities] == ["Maria Keller"]
                assert extraction.answered_by[0].cached == 0
            assert extractor.info().model == "tiny" and not extractor.info().leaves_machine


async def test_the_models_of_a_server_are_listed() -> None:
    async with FaultServer().running() as server:
        server.model_ids = ["a", "b"]
        assert await asyncio.to_thread(served_models, server.url, None, LIMIT) == ["a", "b"]
        with pytest.raises(EngineError, match="2 models: set `model` to one of a, b"):
            await asyncio.to_thread(Extractor.open, load_settings(base_url=server.url))


@pytest.mark.parametrize(("fault", "said"), [(status(401), "api_key"), (status(404), "mostly /v1"), (html, "/v1")])
async def test_a_server_that_does_not_list_its_models_is_an_error_with_advice(fault: Any, said: str) -> None:
    async with FaultServer(always=fault_of_get(fault)).running() as server:
        with pytest.raises(EngineError, match=said):
            await asyncio.to_thread(served_models, server.url, None, LIMIT)


async def test_a_server_that_is_not_there_is_an_error_with_advice() -> None:
    async with FaultServer().running() as server:
        pass
    with pytest.raises(EngineError, match="start the server"):
        await asyncio.to_thread(served_models, server.url, None, LIMIT)


def fault_of_post(fault: Any) -> Any:
    return lambda path, body: fault(path, body) if body else None


def fault_of_get(fault: Any) -> Any:
    return lambda path, body: fault("/v1/completions", {"prompt": ""}) if not body else None
