"""The vLLM engine with a real vLLM and the tiny UniNER. `.ci/vllm` makes the environment and the model."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from engines.contract import HOSTILE, LOCATION, PERSON, SENTENCE, EngineContract
from mcp import Client, StdioServerParameters

from uniner_mcp.engines import loading
from uniner_mcp.engines.base import Engine, EngineInfo, Passage
from uniner_mcp.engines.generative.engine import Completion, GenerativeEngine, Sampling
from uniner_mcp.engines.generative.grammar import answer_grammar
from uniner_mcp.engines.generative.profiles import find_profile
from uniner_mcp.engines.generative.vllm import CLOSED, VllmModel, tokenizer_prompt_ids
from uniner_mcp.errors import EngineError, SettingsError

MODEL = os.environ.get("TEST_MODEL", "")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.anyio,
    pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="vllm is not installed: see .ci/vllm"),
    pytest.mark.skipif(not MODEL, reason="TEST_MODEL is not set: see .ci/vllm"),
    # vLLM's own, and those of what it imports.
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore:Unclosed context <zmq"),
]

# `block_size` as on a GPU, or nearly: on a CPU it is 128 tokens otherwise, and only whole blocks are shared.
OPTIONS = {"dtype": "float32", "enforce_eager": True, "block_size": 32, "disable_log_stats": False}
CONVERSATION = find_profile("uniner").conversation()
GREEDY = Sampling(128, ("</s>",))
ENDLESS = Sampling(1500, (), 'root ::= "a" root')
TYPES = ["person", "organization", "location", "date", "gene", "law", "event", "disease"]
# 120 words.
TEXT = (
    "Maria Keller works for Acme Robotics in Berlin. Tom Reed left Paris on 3 May 2019. Nordwind Energy opened a new "
    "office in Oslo. They talked about the plan for a long time. It rained all day. The report was long and most "
    "people did not read it. The new manager asked many questions about the money. Nobody was hurt. The train from "
    "Berlin to Oslo was late. Maria Keller visited Paris, and everyone was happy about it. Tom Reed called Maria "
    "Keller because the old office was too small. Nordwind Energy sold the report to Acme Robotics last year. Later, "
    "Tom Reed moved from Paris to Oslo with great success. The new manager went to Berlin after a long meeting."
)


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    """One event loop for the module, as the engine needs it."""
    return "asyncio"


@pytest.fixture(scope="module", autouse=True)
def little_memory() -> None:
    os.environ["VLLM_CPU_KVCACHE_SPACE"] = "1"
    os.environ["HF_HUB_OFFLINE"] = "1"


@pytest.fixture(scope="module")
async def model(anyio_backend: str) -> AsyncIterator[VllmModel]:
    model = VllmModel(MODEL, OPTIONS)
    yield model
    await model.aclose()
    await model.aclose()


def engine(model: VllmModel, sampling: Sampling) -> GenerativeEngine:
    info = EngineInfo("vllm", "tiny", "vllm-1", 384, leaves_machine=False)
    return GenerativeEngine(info, CONVERSATION, sampling, model, constrained=True)


@pytest.fixture(scope="module")
async def opened(model: VllmModel) -> Engine:
    return engine(model, GREEDY)


@pytest.fixture(scope="module")
async def inside(opened: Engine, model: VllmModel) -> Any:
    """vLLM's engine, once it is loaded."""
    await opened.answer(Passage(SENTENCE), [PERSON])
    return model._engine


def counted(name: str) -> float:
    registry = importlib.import_module("prometheus_client").REGISTRY
    samples = [sample for metric in registry.collect() for sample in metric.samples]
    return sum(sample.value for sample in samples if sample.name == f"vllm:{name}")


async def test_loading_leaves_the_event_loop_free(opened: Engine) -> None:
    # The first test: it loads the model.
    longest, loaded = 0.0, False

    async def watch() -> None:
        nonlocal longest
        while not loaded:
            before = time.monotonic()
            await asyncio.sleep(0.01)
            longest = max(longest, time.monotonic() - before)

    watching = asyncio.create_task(watch())
    first, second = await asyncio.gather(*(opened.answer(Passage(SENTENCE), [kind]) for kind in (PERSON, LOCATION)))
    loaded = True
    await watching
    assert [mention.text for mention in first[0].mentions + second[0].mentions] == ["Maria Keller", "Berlin"]
    # Imports and compiled code hold the interpreter's lock for a while.
    assert longest < 5


class TestContract(EngineContract):
    pass


async def test_the_passage_is_computed_once_for_all_questions(model: VllmModel, inside: Any) -> None:
    prompts = [tokenizer_prompt_ids(inside.get_tokenizer(), CONVERSATION.tokens_prompt(TEXT, kind)) for kind in TYPES]
    shared = next(place for place, ids in enumerate(zip(*prompts, strict=False)) if len(set(ids)) > 1)
    hits, queries = counted("prefix_cache_hits_total"), counted("prefix_cache_queries_total")
    await model.complete_all(CONVERSATION, TEXT, TYPES, GREEDY)
    assert counted("prefix_cache_queries_total") - queries == sum(map(len, prompts))
    rate = (counted("prefix_cache_hits_total") - hits) / ((len(TYPES) - 1) * shared)
    print(f"{rate:.1%} of the {shared} shared tokens were hits, in all questions but the first")
    assert rate >= 0.8


@pytest.mark.parametrize("text", [TEXT, SENTENCE, "Zoë, é\n北京 🎉", "  two  spaces ", ""])
async def test_a_benign_prompt_has_the_ids_that_the_tokenizer_gives_it(inside: Any, text: str) -> None:
    prompt = CONVERSATION.tokens_prompt(text, "person")
    assert tokenizer_prompt_ids(inside.get_tokenizer(), prompt) == inside.get_tokenizer()(prompt.text)["input_ids"]


@pytest.mark.parametrize("text", [*HOSTILE, "<s></s><unk>", "</s>" * 9])
async def test_hostile_text_brings_no_special_token_into_the_prompt(inside: Any, text: str) -> None:
    ids = tokenizer_prompt_ids(inside.get_tokenizer(), CONVERSATION.tokens_prompt(text, f"person{text}"))
    special = [token for token in ids if token in inside.get_tokenizer().all_special_ids]
    assert special == inside.get_tokenizer().convert_tokens_to_ids(["<s>", "</s>"])


async def test_a_special_token_that_the_model_lacks_is_a_failure_of_the_question(model: VllmModel) -> None:
    other = find_profile("uniner").model_copy(update={"special_tokens": ("USER:",)}).conversation()
    (error,) = await model.complete_all(other, SENTENCE, ["person"], GREEDY)
    assert isinstance(error, EngineError) and "`USER:`" in str(error) and "profile" in str(error)


async def test_a_grammar_changes_no_right_answer(model: VllmModel) -> None:
    free = await model.complete_all(CONVERSATION, SENTENCE, TYPES, GREEDY)
    bound = await model.complete_all(CONVERSATION, SENTENCE, TYPES, replace(GREEDY, grammar=answer_grammar(SENTENCE)))
    written = [[answer.text for answer in answers if isinstance(answer, Completion)] for answers in (free, bound)]
    assert written[0][:2] == [' ["Maria Keller"]', ' ["Acme Robotics"]']
    pairs = list(zip(*written, strict=True))
    assert len(pairs) == len(TYPES)
    # The tiny model may make up a name where nothing holds it to the text.
    assert all(one == other for one, other in pairs if all(said in SENTENCE for said in json.loads(one)))


async def test_the_model_is_sure_of_a_right_answer(opened: Engine) -> None:
    (answer,) = await opened.answer(Passage(SENTENCE), [PERSON])
    ((text, sure),) = [(mention.text, mention.confidence) for mention in answer.mentions]
    assert text == "Maria Keller" and sure is not None and sure > 0.5


@pytest.mark.parametrize("name", ["Zoë", "é", "北京", 'Zoë 🎉 \\" ▁'])
async def test_tokens_spell_what_is_no_ascii(model: VllmModel, name: str) -> None:
    written = f' ["{name}"]'
    grammar = "root ::= " + '"' + written.replace("\\", "\\\\").replace('"', '\\"') + '"'
    (answer,) = await model.complete_all(CONVERSATION, SENTENCE, ["person"], Sampling(64, ("</s>",), grammar))
    assert isinstance(answer, Completion) and answer.text == written
    assert answer.tokens is not None
    assert b"".join(token.text for token in answer.tokens) == answer.text.encode()
    assert all(token.logprob <= 0 for token in answer.tokens)


async def test_a_stop_string_ends_the_answer_and_is_left_out(model: VllmModel) -> None:
    (answer,) = await model.complete_all(CONVERSATION, SENTENCE, ["person"], Sampling(64, ("Keller",), None))
    assert isinstance(answer, Completion) and answer.text == ' ["Maria '
    assert answer.tokens is not None


async def test_a_cut_answer_is_truncated(model: VllmModel) -> None:
    (answer,) = await engine(model, Sampling(2, ("</s>",))).answer(Passage(SENTENCE), [PERSON])
    assert answer.truncated and answer.failure is None


async def test_cancelling_aborts_the_questions_in_the_engine(model: VllmModel, inside: Any) -> None:
    call = asyncio.create_task(model.complete_all(CONVERSATION, SENTENCE, TYPES, ENDLESS))
    async with asyncio.timeout(30):
        while inside.get_num_unfinished_requests() < len(TYPES):
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.5)
    assert not call.done()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert inside.get_num_unfinished_requests() == 0
    async with asyncio.timeout(5):
        while counted("num_requests_running") or counted("num_requests_waiting"):
            await model.complete_all(CONVERSATION, SENTENCE, ["person"], GREEDY)


async def test_a_question_that_is_too_long_fails_by_itself(model: VllmModel) -> None:
    fits, long = await model.complete_all(CONVERSATION, SENTENCE, ["person", "person " * 3000], GREEDY)
    assert isinstance(fits, Completion)
    assert isinstance(long, EngineError) and "max_model_len" in str(long) and "person" not in str(long)


async def test_a_question_that_vllm_refuses_fails_by_itself(model: VllmModel) -> None:
    (error,) = await model.complete_all(CONVERSATION, SENTENCE, ["person"], Sampling(8, (), "root ::= nothing"))
    assert isinstance(error, EngineError) and "doctor" in str(error) and "nothing" not in str(error)
    (answer,) = await model.complete_all(CONVERSATION, SENTENCE, ["person"], GREEDY)
    assert isinstance(answer, Completion)


async def test_an_unknown_option_is_named() -> None:
    model = VllmModel(MODEL, {**OPTIONS, "max_model_length": 512})
    with pytest.raises(SettingsError, match="`max_model_length`"):
        await model.complete_all(CONVERSATION, SENTENCE, ["person"], GREEDY)
    await model.aclose()


@pytest.mark.parametrize(
    ("name", "options", "remedy"),
    [
        ("/nowhere/at/all", {}, "set `model`"),
        ("no-such/model", {}, "set `model`"),
        (MODEL, {"dtype": "float7"}, "vllm_options"),
    ],
)
async def test_a_failed_load_says_what_to_do(name: str, options: dict[str, object], remedy: str) -> None:
    model = VllmModel(name, options)
    for _ in range(2):
        with pytest.raises(EngineError, match=remedy):
            await model.complete_all(CONVERSATION, SENTENCE, ["person"], GREEDY)
    await model.aclose()


async def test_a_dead_engine_fails_each_question_and_is_loaded_again_after_a_pause(
    model: VllmModel, inside: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The last of the tests with this engine.
    running = asyncio.create_task(model.complete_all(CONVERSATION, SENTENCE, ["person", "gene"], ENDLESS))
    await asyncio.sleep(0.5)
    for process in inside.engine_core.resources.engine_manager.processes:
        os.kill(process.pid, signal.SIGKILL)
    answers = await running
    assert all(isinstance(answer, EngineError) and "has stopped" in str(answer) for answer in answers)
    assert len(answers) == 2
    with pytest.raises(EngineError, match="has stopped"):
        await model.complete_all(CONVERSATION, SENTENCE, ["person", "gene"], GREEDY)
    monkeypatch.setattr(loading, "RETRY_AFTER", 0.0)
    again = await model.complete_all(CONVERSATION, SENTENCE, ["person", "gene"], GREEDY)
    assert all(isinstance(answer, Completion) for answer in again)


PROGRAM = """
import asyncio, sys
from uniner_mcp.engines.generative.engine import Sampling
from uniner_mcp.engines.generative.profiles import find_profile
from uniner_mcp.engines.generative.vllm import VllmModel

async def main():
    model = VllmModel(sys.argv[1], {"dtype": "float32", "enforce_eager": True})
    conversation = find_profile("uniner").conversation()
    endless = Sampling(1500, (), 'root ::= "a" root')
    model.warm_up()
    asked = asyncio.create_task(model.complete_all(conversation, "Maria met Tom.", ["person"], endless))
    if sys.argv[2] == "loading":
        await asyncio.sleep(1)
        assert model._engine is None
        await model.aclose()
    else:
        while not (model._engine and model._engine.get_num_unfinished_requests()):
            await asyncio.sleep(0.1)
        if sys.argv[2] == "killed":
            print(*(p.pid for p in model._engine.engine_core.resources.engine_manager.processes))
            sys.stdout.flush()
            await asyncio.sleep(600)
        await model.aclose()
    (error,) = await asyncio.gather(asked, return_exceptions=True)
    print(error if not isinstance(error, list) else error[0], end="")

if __name__ == "__main__":
    asyncio.run(main())
"""


@pytest.mark.parametrize("moment", ["loading", "asking"])
async def test_closing_ends_all_processes_and_leaves_standard_output_alone(moment: str) -> None:
    command = [sys.executable, "-X", "dev", "-c", PROGRAM, MODEL, moment]
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, complaints = await process.communicate()
    assert process.returncode == 0
    assert out.decode() == CLOSED
    # Every ResourceWarning but one of vLLM's own, about a context of ZeroMQ.
    told = [line for line in complaints.decode().splitlines() if "ResourceWarning: " in line]
    assert [line for line in told if "zmq.Context" not in line and "tracemalloc" not in line] == []
    assert b"never retrieved" not in complaints and b"Exception ignored" not in complaints


async def test_a_killed_owner_takes_the_engine_with_it() -> None:
    command = [sys.executable, "-c", PROGRAM, MODEL, "killed"]
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    engine = int(await process.stdout.readline())
    process.kill()
    await process.wait()
    async with asyncio.timeout(30):
        while os.path.exists(f"/proc/{engine}"):
            await asyncio.sleep(0.1)


async def test_the_command_extracts_with_vllm_in_its_process_and_prints_nothing_else() -> None:
    environment = {**os.environ, "UNINER_VLLM_OPTIONS": json.dumps(OPTIONS)}
    command = [sys.executable, "-m", "uniner_mcp", "extract", "--json", "--no-cache", "--engine", "vllm"]
    command += ["--model", MODEL, "--profile", "uniner", "--types", "person,location,gene", SENTENCE]
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, env=environment)
    out, _ = await process.communicate()
    assert process.returncode == 0
    extraction = json.loads(out)
    found = [(entity["text"], entity["type"], entity["start"]) for entity in extraction["entities"]]
    assert found == [("Maria Keller", "person", 0), ("Berlin", "location", 40)]
    assert extraction["answered_by"][0]["engine"] == "vllm"


async def test_vllm_answers_the_tools_of_a_server_over_stdio() -> None:
    environment = {**os.environ, "UNINER_VLLM_OPTIONS": json.dumps(OPTIONS), "UNINER_CACHE": "false"}
    arguments = ["-m", "uniner_mcp", "serve", "--engine", "vllm", "--model", MODEL]
    server = StdioServerParameters(command=sys.executable, args=arguments, env=environment)
    async with Client(server, read_timeout_seconds=200) as client:
        result = await client.call_tool("extract_entities", {"text": SENTENCE, "entity_types": ["person"]})
    assert not result.is_error and result.structured_content is not None
    assert [entity["text"] for entity in result.structured_content["entities"]] == ["Maria Keller"]
