"""The engine over HTTP against real servers, of vLLM and llama.cpp. `.ci/vllm` makes the environment and the models."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from engines.contract import SENTENCE, EngineContract
from processes import free_port, served

from uniner_mcp import Extractor, load_settings
from uniner_mcp.engines.base import Engine
from uniner_mcp.engines.choice import choose_engine
from uniner_mcp.engines.generative.engine import GenerativeEngine
from uniner_mcp.engines.generative.openai_compatible import ServerModel
from uniner_mcp.engines.opening import open_engine

ROOT = Path(__file__).parent.parent.parent
FOLDER = os.environ.get("TEST_MODEL", "")
GGUF = Path(__file__).parent.parent / "tiny_uniner" / "tiny-uniner.gguf"
TYPES = ["person", "organization", "location", "date", "product", "gene", "law", "chemical"]
PASSAGE = " ".join(["Maria Keller works for Acme Robotics in Berlin. Tom Reed left Paris on 3 May 2021."] * 8)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.anyio,
    pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="vllm is not installed: see .ci/vllm"),
    pytest.mark.skipif(not FOLDER, reason="TEST_MODEL is not set: see .ci/vllm"),
]

LLAMA_SERVER = str(Path(__file__).parent.parent / "engines" / "llama_server.py")


@contextmanager
def running(command: list[str], port: int) -> Iterator[str]:
    environment = {
        **os.environ,
        "VLLM_CPU_KVCACHE_SPACE": "1",
        "HF_HUB_OFFLINE": "1",
        "VLLM_NO_USAGE_STATS": "1",
    }
    with served(command, port, env=environment):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def vllm_server() -> Iterator[str]:
    port = free_port()
    command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", FOLDER, "--port", str(port)]
    command += ["--served-model-name", "tiny-uniner", "--dtype", "float32", "--enforce-eager", "--block-size", "32"]
    command += ["--max-model-len", "1024", "--chat-template", str(ROOT / "prompts" / "uniner.jinja")]
    with running(command, port) as address:
        yield address


@pytest.fixture(scope="module")
def llama_server() -> Iterator[str]:
    if importlib.util.find_spec("xllamacpp") is None:
        pytest.skip("xllamacpp is not installed: see .ci/vllm")
    port = free_port()
    template = str(ROOT / "prompts" / "uniner.jinja")
    with running([sys.executable, LLAMA_SERVER, str(GGUF), str(port), template], port) as address:
        yield address


@pytest.fixture(params=["vllm_server", "llama_server"])
def address(request: pytest.FixtureRequest) -> str:
    return request.getfixturevalue(request.param)


def read_metrics(address: str) -> dict[str, float]:
    with urllib.request.urlopen(address + "/metrics") as reply:
        lines = reply.read().decode().splitlines()
    found = (re.fullmatch(r"([a-z_:]+)(?:\{.*\})? (\S+)", line) for line in lines)
    return {match[1]: float(match[2]) for match in found if match}


class TestContract(EngineContract):
    @pytest.fixture(params=["completions", "chat"])
    async def opened(self, request: pytest.FixtureRequest, address: str) -> AsyncIterator[Engine]:
        settings = load_settings(
            base_url=f"{address}/v1", profile="uniner", api=request.param, cache=False, model=model_of(address)
        )
        engine = open_engine(settings)
        yield engine
        await engine.aclose()


def model_of(address: str) -> str:
    from uniner_mcp.engines.generative.openai_compatible import served_models

    return served_models(f"{address}/v1", None, 10)[0]


@pytest.mark.parametrize("api", ["completions", "chat"])
async def test_a_right_answer_is_a_confident_one(address: str, api: str) -> None:
    model = await asyncio.to_thread(model_of, address)
    settings = load_settings(base_url=f"{address}/v1", profile="uniner", api=api, cache=False, model=model)
    async with Extractor.open(settings) as extractor:
        extraction = await extractor.extract(SENTENCE, ["person"])
    (entity,) = extraction.entities
    assert entity.text == "Maria Keller" and entity.confidence is not None and entity.confidence > 0.5


async def test_what_kind_of_server_it_is_is_found_out(vllm_server: str, llama_server: str) -> None:
    kinds: list[str | None] = []
    for address in (vllm_server, llama_server):
        engine = open_engine(
            await asyncio.to_thread(load_settings, base_url=f"{address}/v1", profile="uniner", cache=False)
        )
        async with Extractor(engine) as extractor:
            await extractor.extract(SENTENCE, ["person"])
            generative = engine._engine._engine._engine  # type: ignore[attr-defined]
            assert isinstance(generative, GenerativeEngine) and isinstance(generative._model, ServerModel)
            kinds.append(generative._model._known.dialect)
    assert kinds == ["vllm", "llama-cpp"]


async def test_vllm_computes_a_passage_once_for_eight_types(vllm_server: str) -> None:
    settings = load_settings(engine="vllm", base_url=f"{vllm_server}/v1", model="tiny-uniner", cache=False)
    async with Extractor.open(settings) as extractor:
        await extractor.extract(SENTENCE, ["person"])
        before = read_metrics(vllm_server)
        await extractor.extract(PASSAGE, TYPES)
        after = read_metrics(vllm_server)
    queries, hits = (
        after[name] - before[name] for name in ("vllm:prefix_cache_queries_total", "vllm:prefix_cache_hits_total")
    )
    # Of eight questions, seven can find the passage: 87.5 % of the prefix at best.
    print(f"{hits / queries:.1%} of all prompt tokens were found in the prefix cache")
    assert hits / (queries * 7 / 8) >= 0.8


async def test_llama_cpp_computes_a_passage_once_for_eight_types(llama_server: str) -> None:
    settings = load_settings(
        engine="llama-cpp", base_url=f"{llama_server}/v1", model="tiny", profile="uniner", cache=False
    )
    async with Extractor.open(settings) as extractor:
        await extractor.extract(SENTENCE, ["person"])
        before = read_metrics(llama_server)
        await extractor.extract(PASSAGE, TYPES)
        after = read_metrics(llama_server)
    computed, reused = (
        after[name] - before[name] for name in ("llamacpp:prompt_tokens_total", "llamacpp:prompt_tokens_cached_total")
    )
    print(f"{reused / (computed + reused):.1%} of all prompt tokens were found in the slot")
    assert reused / (computed + reused) >= 0.8


@pytest.mark.parametrize("engine", ["openai", "vllm"])
async def test_the_command_extracts_through_a_server(vllm_server: str, engine: str) -> None:
    command = [sys.executable, "-m", "uniner_mcp", "extract", "--json", "--no-cache", "--types", "person,location"]
    command += ["--engine", engine, "--base-url", f"{vllm_server}/v1", SENTENCE]
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    out, _ = await process.communicate()
    assert process.returncode == 0
    assert b'"Maria Keller"' in out and b'"Berlin"' in out


def test_a_server_goes_before_all_else() -> None:
    assert choose_engine(load_settings(base_url="http://127.0.0.1:1/v1", model=str(GGUF))).served
