"""Measure the effect of constrained decoding: free text, a list of strings, and a list of the passage's spans (ours).

`python benchmarks/constraints.py [MODEL.gguf]` uses llama.cpp. The default is the tiny model of the tests, on real text
in a language that it does not know: a model that is out of its depth shows what each constraint lets through.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from pathlib import Path

from uniner_mcp.engines.base import Answer, Passage, Provenance
from uniner_mcp.engines.generative.engine import Completion, Sampling
from uniner_mcp.engines.generative.grammar import answer_grammar
from uniner_mcp.engines.generative.llama_cpp import LlamaCppModel
from uniner_mcp.engines.generative.profiles import find_profile
from uniner_mcp.engines.generative.reading import Unreadable, read_answer
from uniner_mcp.extraction.grounding import ground
from uniner_mcp.schema import EntityType

ROOT = Path(__file__).parent.parent
DOCUMENT = ROOT / "examples" / "documents" / "workshop_on_electronic_texts.txt"
TINY = ROOT / "tests" / "tiny_uniner" / "tiny-uniner.gguf"
TYPES = ["person", "organization", "location", "date", "product"]
WORDS = 60
LIST = r"""root ::= " "? "[" (string (", " string)*)? "]"
string ::= "\"" character+ "\""
character ::= [^"\\\x00-\x1f] | "\\" (["\\/bfnrt] | "u" hex hex hex hex)
hex ::= [0-9a-fA-F]
"""


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", nargs="?", default=str(TINY), help="GGUF file; default: the tiny model of the tests")
    parser.add_argument("--profile", help="profile of the model: a name or a TOML file")
    arguments = parser.parse_args()
    profile = find_profile(arguments.model, arguments.profile, served=False)
    conversation = profile.conversation()
    model = LlamaCppModel(arguments.model, {"n_threads": 1})
    words = DOCUMENT.read_text(encoding="utf-8").split()
    passages = [" ".join(words[start : start + WORDS]) for start in range(0, len(words), WORDS)]
    await model.complete_all(conversation, "Warm up.", TYPES, Sampling(8, profile.stop))
    print("constraint  questions unreadable cut mentions ungrounded  seconds")
    for name, grammar in (("none", lambda _: None), ("list", lambda _: LIST), ("stretches", answer_grammar)):
        unreadable = cut = mentions = ungrounded = 0
        started = time.perf_counter()
        for text in passages:
            sampling = Sampling(64, profile.stop, grammar(text))
            for completion in await model.complete_all(conversation, text, TYPES, sampling):
                assert isinstance(completion, Completion), completion
                try:
                    reading = read_answer(completion.text)
                except Unreadable:
                    unreadable += 1
                    continue
                cut += reading.cut
                mentions += len(reading.mentions)
                answer = Answer(EntityType(name="x"), reading.mentions, Provenance("", "", ""))
                ungrounded += ground(Passage(text), answer)[1]
        took = time.perf_counter() - started
        questions = len(passages) * len(TYPES)
        print(f"{name:11} {questions:9} {unreadable:10} {cut:3} {mentions:8} {ungrounded:10} {took:8.2f}")
    await model.aclose()


if __name__ == "__main__":
    asyncio.run(main())
