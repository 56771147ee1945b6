"""Analyse nano's errors on development passages: kinds of errors, confused and missed types, and lowercased text.

    python benchmarks/nano_errors.py --data DATA

The passages are those of `uniner_mcp.distill.nano.validation`; none is in the zero-shot benchmark. Counts are mentions.
"""

from __future__ import annotations

import argparse
import asyncio
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import get_args

from uniner_mcp import Extractor, load_settings
from uniner_mcp.distill.nano.validation import asked_of, development_sets
from uniner_mcp.engines.nano.manifest import SHIPPED
from uniner_mcp.evaluate.mistakes import Judged, Kind, judge
from uniner_mcp.evaluate.predictions import Found
from uniner_mcp.formats.documents import Document

KINDS = get_args(Kind)


def lowered(example: Document) -> Document:
    """Return the passage in lower case, as users type queries; unchanged if its length would change."""
    text = example.text.lower()
    if len(text) != len(example.text):
        return example
    return replace(example, text=text, entities=tuple(replace(one, text=one.text.lower()) for one in example.entities))


async def judged(extractor: Extractor, examples: list[Document]) -> list[Judged]:
    rows: list[Judged] = []
    for example, types in asked_of(examples):
        entities = (await extractor.extract(example.text, types[:64])).entities
        found = [Found(text=one.text, type=one.type, start=one.start, end=one.end) for one in entities]
        rows.append(judge(example, found, types[:64]))
    return rows


def kinds(rows: list[Judged]) -> Counter[str]:
    return Counter(one.kind for row in rows for one in row.judgements)


def strict_f1(counted: Counter[str]) -> float:
    right, paired = counted["right"], counted["boundary"] + counted["wrong type"]
    both = 2 * right + 2 * paired + counted["missed"] + counted["spurious"]
    return 200 * right / both if both else 0.0


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of annotated sets, one folder per set")
    parser.add_argument("--nano-path", type=Path, help="folder of weights to use instead of the shipped ones")
    arguments = parser.parse_args()
    confused: Counter[str] = Counter()
    missed: Counter[str] = Counter()
    of_type: Counter[str] = Counter()
    print(f"{'data set':20}" + "".join(f"{kind:>11}" for kind in KINDS) + f"{'F1':>7}{'lower case':>12}")
    async with Extractor.open(load_settings(cache=False, nano_path=arguments.nano_path)) as extractor:
        for name, examples in development_sets(arguments.data, SHIPPED / "tokenizer.json").items():
            rows = await judged(extractor, examples)
            counted = kinds(rows)
            lower = strict_f1(kinds(await judged(extractor, [lowered(one) for one in examples])))
            numbers = "".join(f"{counted[kind]:11}" for kind in KINDS)
            print(f"{name:20}{numbers}{strict_f1(counted):7.1f}{lower:12.1f}", flush=True)
            for row in rows:
                for one in row.judgements:
                    if one.gold is not None:
                        of_type[f"{name}: {one.gold.type}"] += 1
                        missed[f"{name}: {one.gold.type}"] += one.kind == "missed"
                    if one.kind == "wrong type" and one.gold is not None and one.predicted is not None:
                        confused[f"{name}: {one.gold.type} taken for {one.predicted.type}"] += 1
    print("\nMost confused:")
    for pair, number in confused.most_common(15):
        print(f"{number:5} {pair}")
    print("\nMost missed (of so many):")
    for kind, number in missed.most_common(15):
        print(f"{number:5} of {of_type[kind]:4} {kind}")


if __name__ == "__main__":
    asyncio.run(main())
