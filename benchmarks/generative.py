"""Measure how long a generative engine takes for its questions: in a naive loop, optimised by hand, and with our code.

Run `python benchmarks/generative.py llama-cpp|vllm [--passages 20] [--rounds 2]` in the environment of `.ci/vllm`, with
SmolLM2-135M. All three variants use the same engine in one process, the same prompts, greedy decoding and the same
grammar:

(a) naive: a loop over passages and types, one prompt at a time, with nothing reused;
(b) raw: the engine's own interface, used by hand with the best order and concurrency for it;
(c) ours: `Extractor.extract`, without the answer cache.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

from smollm2 import folder_of_smollm2, gguf_of_smollm2

from uniner_mcp import Extractor, Settings
from uniner_mcp.engines.base import EngineInfo
from uniner_mcp.engines.generative.engine import GenerativeEngine, Sampling
from uniner_mcp.engines.generative.grammar import answer_grammar
from uniner_mcp.engines.generative.profiles import Profile
from uniner_mcp.engines.wrappers.limited import Limited
from uniner_mcp.shipped import load_prompt

DOCUMENT = Path(__file__).parent.parent / "examples" / "documents" / "workshop_on_electronic_texts.txt"
TYPES = ["person", "organization", "location", "date", "event", "product", "law", "language"]
WORDS = 120
# UniNER's conversation, with the end token of SmolLM2 in place of LLaMA's.
UNINER = Profile(
    name="smollm2",
    template=load_prompt("uniner").template.replace("</s>", "<|im_end|>"),
    special_tokens=("<|im_end|>",),
    stop=("<|im_end|>",),
    context_budget=10_000,
    max_answer_tokens=32,
)
CONVERSATION = UNINER.conversation()
SAMPLING = Sampling(UNINER.max_answer_tokens, UNINER.stop)
Way = Callable[[list[str]], Awaitable[None]]


def prompt_of(passage: str, kind: str) -> str:
    return CONVERSATION.tokens_prompt(passage, kind).text


def ours(name: str, model: Any) -> Way:
    info = EngineInfo(name, "SmolLM2-135M", "benchmark", UNINER.context_budget, leaves_machine=False)
    engine = GenerativeEngine(info, CONVERSATION, SAMPLING, model, constrained=True)
    extractor = Extractor(Limited(engine, Settings().concurrency), Settings())

    async def run(passages: list[str]) -> None:
        await asyncio.gather(*(extractor.extract(passage, TYPES) for passage in passages))

    return run


async def ways_of_llama_cpp() -> tuple[dict[str, Way], Any]:
    from uniner_mcp.engines.generative.llama_cpp import LlamaCppModel

    model = LlamaCppModel(str(gguf_of_smollm2()), {"n_threads": os.cpu_count() or 1})
    await model.complete_all(CONVERSATION, "Warm up.", ["person"], SAMPLING)
    assert model._server is not None
    server = model._server.result()

    def complete(passage: str, kind: str, grammar: str, *, reuse: bool) -> None:
        server.handle_completions(
            {
                "prompt": prompt_of(passage, kind),
                "cache_prompt": reuse,
                "n_predict": SAMPLING.max_tokens,
                "stop": list(SAMPLING.stop),
                "temperature": 0,
                "grammar": grammar,
            }
        )

    def loop(*, reuse: bool) -> Way:
        def run(passages: list[str]) -> None:
            for passage in passages:
                grammar = answer_grammar(passage)
                for kind in TYPES:
                    complete(passage, kind, grammar, reuse=reuse)

        return lambda passages: asyncio.to_thread(run, passages)

    return {"naive": loop(reuse=False), "raw": loop(reuse=True), "ours": ours("llama-cpp", model)}, model


async def ways_of_vllm() -> tuple[dict[str, Way], Any]:
    os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    from uniner_mcp.engines.generative.vllm import VllmModel

    folder = folder_of_smollm2(Path(".cache/smollm2"))
    options = {"dtype": "float32", "enforce_eager": True, "block_size": 32, "max_model_len": 2048}
    model = VllmModel(str(folder), options)
    await model.complete_all(CONVERSATION, "Warm up.", ["person"], SAMPLING)
    engine = model._engine
    tokenizer = engine.get_tokenizer()
    from vllm import SamplingParams
    from vllm.sampling_params import RequestOutputKind, StructuredOutputsParams

    async def complete(passage: str, kind: str, grammar: str, *, reuse: bool) -> None:
        prompt: dict[str, Any] = {"prompt_token_ids": tokenizer(prompt_of(passage, kind))["input_ids"]}
        if not reuse:
            prompt["cache_salt"] = uuid4().hex
        sampling = SamplingParams(
            temperature=0,
            max_tokens=SAMPLING.max_tokens,
            stop=list(SAMPLING.stop),
            structured_outputs=StructuredOutputsParams(grammar=grammar),
            output_kind=RequestOutputKind.FINAL_ONLY,
        )
        async for _ in engine.generate(prompt, sampling, uuid4().hex):
            pass

    async def naive(passages: list[str]) -> None:
        for passage in passages:
            grammar = answer_grammar(passage)
            for kind in TYPES:
                await complete(passage, kind, grammar, reuse=False)

    async def raw(passages: list[str]) -> None:
        await asyncio.gather(
            *(
                complete(passage, kind, grammar, reuse=True)
                for passage, grammar in ((passage, answer_grammar(passage)) for passage in passages)
                for kind in TYPES
            )
        )

    return {"naive": naive, "raw": raw, "ours": ours("vllm", model)}, model


def passages_of(number: int, first_word: int) -> list[str]:
    """Return passages that begin at different words in each round, so that no cache contains them from the last one."""
    words = DOCUMENT.read_text(encoding="utf-8").split()
    return [" ".join(words[start : start + WORDS]) for start in range(first_word, len(words), WORDS)][:number]


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("engine", choices=["llama-cpp", "vllm"], help="engine to measure")
    parser.add_argument("--passages", type=int, default=20, help="passages per round")
    parser.add_argument("--rounds", type=int, default=2, help="rounds per variant; the median counts")
    arguments = parser.parse_args()
    ways, model = await (ways_of_llama_cpp() if arguments.engine == "llama-cpp" else ways_of_vllm())
    took: dict[str, list[float]] = {name: [] for name in ways}
    first_word = 0
    for _ in range(arguments.rounds):
        for name, way in ways.items():
            first_word += 1
            passages = passages_of(arguments.passages, first_word)
            started = time.perf_counter()
            await way(passages)
            took[name].append(time.perf_counter() - started)
            print(f"{name:6} {took[name][-1]:7.2f} s", flush=True)
    await model.aclose()
    naive, raw, mine = (statistics.median(took[name]) for name in ("naive", "raw", "ours"))
    print(f"{arguments.engine}, {arguments.passages} passages of {WORDS} words, {len(TYPES)} types:")
    print(f"ours is {naive / mine:.2f} times as fast as naive, and takes {mine / raw:.3f} of the time of raw use")


if __name__ == "__main__":
    asyncio.run(main())
