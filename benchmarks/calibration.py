"""Measure nano's confidence: does it match the share of correct mentions, and what does a teacher gain below a limit?

    python benchmarks/calibration.py --data DATA

The data are test passages of sets that nano was not trained on, with the entities that users get (`overlap="flat"`, all
types of the set). The calibration of the shipped weights was fitted on *development* passages of the first group; the
second group was not used. All sets have the same weight. A mention is right if its normalised string is annotated with
its type.

- ECE: expected calibration error, over ten bins of equal width.
- By frequency of the type in training, in sampled mentions per epoch: mean confidence, and the share that is right.
- By `min_confidence`: precision, recall and F1 of the remaining mentions.
- The trade-off of the `low-confidence` fallback: a question (passage and type) with a mention below the limit goes to a
  teacher, which is assumed to answer as the annotators did. This is the upper bound of the gain.
"""

from __future__ import annotations

import argparse
import asyncio
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from uniner_mcp import Extractor, load_settings
from uniner_mcp.distill.nano.data import load_sources
from uniner_mcp.distill.nano.validation import TRAINED_ON, VALIDATION
from uniner_mcp.evaluate.loading import load_set
from uniner_mcp.evaluate.scoring import Counts, count, normalise

FITTED = [name for name in VALIDATION if name != TRAINED_ON]
NEW = ["crossner_ai", "crossner_literature", "crossner_music", "crossner_politics", "crossner_science", "mit_movie"]
NEW += ["mit_restaurant", "jnlpba", "anatem", "github_ner"]
MET = [0, 1, 10, 100, 10**9]
LIMITS = [0.0, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]


@dataclass(frozen=True, slots=True)
class Question:
    """One passage and type: the annotated mentions, and those found, with their confidence."""

    kind: str
    gold: list[str]
    found: list[tuple[str, float]]

    def kept(self, limit: float) -> Counts:
        """Count the mentions that remain with a `min_confidence`."""
        return count(self.gold, [text for text, sure in self.found if sure >= limit])

    def unsure(self, limit: float) -> bool:
        """Return whether the `low-confidence` policy would ask the teacher."""
        return any(sure < limit for _, sure in self.found)


async def questions(extractor: Extractor, data: Path, name: str, limit: int) -> list[Question]:
    test_set = load_set(data, name, "test", limit)
    asked: list[Question] = []
    for example in test_set.examples:
        types = test_set.asked(example)
        entities = (await extractor.extract(example.text, types)).entities
        for kind in types:
            gold = [one.text for one in example.entities if one.type == kind]
            asked.append(
                Question(kind, gold, [(one.text, one.confidence or 0.0) for one in entities if one.type == kind])
            )
    return asked


Row = tuple[str, float, float, float]
"""A mention: its type, its confidence, 1 if it is right, and its weight."""


def mentions(by_set: dict[str, list[Question]]) -> list[Row]:
    """Return all mentions; the weights of a set add up to 1."""
    rows: list[Row] = []
    for asked in by_set.values():
        total = sum(len(question.found) for question in asked)
        for question in asked:
            gold = {normalise(one) for one in question.gold}
            rows += [(question.kind, sure, float(normalise(text) in gold), 1 / total) for text, sure in question.found]
    return rows


def said_and_right(rows: list[Row]) -> tuple[float, float, float]:
    """Return the weight, the mean confidence and the share that is right."""
    weight = sum(row[3] for row in rows)
    return weight, sum(row[1] * row[3] for row in rows) / weight, sum(row[2] * row[3] for row in rows) / weight


def line(name: str, rows: list[Row]) -> None:
    if rows:
        _, said, right = said_and_right(rows)
        print(f"{name:>20} {len(rows):9} {said:11.2f} {right:6.2f}")


def mean(values: list[float]) -> float:
    return 100 * sum(values) / len(values)


def report(title: str, by_set: dict[str, list[Question]], met: Counter[str]) -> None:
    rows = mentions(by_set)
    bins = [[row for row in rows if min(int(row[1] * 10), 9) == number] for number in range(10)]
    parts = [said_and_right(one) for one in bins if one]
    error = sum(weight * abs(said - right) for weight, said, right in parts) / sum(weight for weight, _, _ in parts)
    print(f"\n{title}: {', '.join(by_set)}\nECE {error:.3f}")
    print(f"{'confidence':>20} {'mentions':>9} {'mean':>11} {'right':>6}")
    for number, one in enumerate(bins):
        line(f"{number / 10:.1f} to {(number + 1) / 10:.1f}", one)
    print(f"{'type met in training':>20}")
    for low, high in pairwise(MET):
        line(
            f"{low} to {high - 1}" if high < MET[-1] else f"{low} and more",
            [row for row in rows if low <= met[row[0]] < high],
        )
    print(f"{'limit':>6} {'precision':>9} {'recall':>7} {'F1':>6}   {'asked elsewhere':>15} {'F1 then':>8}")
    for limit in LIMITS:
        totals = [sum((one.kept(limit) for one in asked), Counts()) for asked in by_set.values()]
        sent = [sum(one.unsure(limit) for one in asked) / len(asked) for asked in by_set.values()]
        then = [
            sum((count(one.gold, one.gold) if one.unsure(limit) else one.kept(0) for one in asked), Counts()).f1
            for asked in by_set.values()
        ]
        print(
            f"{limit:6.1f} {mean([one.precision for one in totals]):9.1f} {mean([one.recall for one in totals]):7.1f} "
            f"{mean([one.f1 for one in totals]):6.1f}   {mean(sent):13.1f} % {mean(then):8.1f}"
        )


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of annotated sets, one folder per set")
    parser.add_argument("--nano-path", type=Path, help="folder of weights to use instead of the shipped ones")
    parser.add_argument("--limit", type=int, default=300, help="passages per set")
    arguments = parser.parse_args()
    met: Counter[str] = Counter()
    for source in load_sources(arguments.data):
        share = min(1.0, source.per_epoch / len(source.examples)) if source.per_epoch else 1.0
        for kind, number in Counter(gold.type for one in source.examples for gold in one.entities).items():
            met[kind] += round(number * share)
    async with Extractor.open(load_settings(cache=False, nano_path=arguments.nano_path)) as extractor:
        for title, names in (("Fitted on their development passages", FITTED), ("New", NEW)):
            there = [name for name in names if (arguments.data / name / "test.jsonl.gz").is_file()]
            by_set = {name: await questions(extractor, arguments.data, name, arguments.limit) for name in there}
            report(title, by_set, met)


if __name__ == "__main__":
    asyncio.run(main())
