"""What a confidence of nano is worth: is it the share that is right, and what does asking elsewhere below it gain?

    python benchmarks/calibration.py --data DATA

Test passages of sets that nano was not trained on, as users get them (`overlap="flat"`, all types of the set). The
calibration of the shipped weights was fitted on *development* passages of the first group, and on nothing of the
second. Each set weighs the same. A mention is right where its normalised string is annotated with its type.

- ECE: expected calibration error, over ten bins of equal width.
- By `min_confidence`: precision, recall and F1 of what is left.
- The trade-off of the `low-confidence` fallback: a question (passage and type) with a mention below the limit goes to a
  teacher, which is taken to answer as the annotators did: the most that asking can gain.
"""

from __future__ import annotations

import argparse
import asyncio
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from uniner_mcp import Extractor, load_settings
from uniner_mcp.distill.nano_validation import TRAINED_ON, VALIDATION
from uniner_mcp.evaluate.loading import load_set
from uniner_mcp.evaluate.scoring import Counts, count, normalise

FITTED = [name for name in VALIDATION if name != TRAINED_ON]
NEW = ["crossner_ai", "crossner_literature", "crossner_music", "crossner_politics", "crossner_science", "mit_movie"]
NEW += ["mit_restaurant", "jnlpba", "anatem", "github_ner"]
LIMITS = [0.0, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]


@dataclass(frozen=True, slots=True)
class Question:
    """One passage and type: what is annotated, and what was found with which confidence."""

    gold: list[str]
    found: list[tuple[str, float]]

    def kept(self, limit: float) -> Counts:
        """What is left of it at a `min_confidence`."""
        return count(self.gold, [text for text, sure in self.found if sure >= limit])

    def unsure(self, limit: float) -> bool:
        """Whether the `low-confidence` policy would ask elsewhere."""
        return any(sure < limit for _, sure in self.found)


async def questions(extractor: Extractor, data: Path, name: str, limit: int) -> list[Question]:
    test_set = load_set(data, name, "test", limit)
    asked: list[Question] = []
    for example in test_set.examples:
        types = test_set.asked(example)
        entities = (await extractor.extract(example.text, types)).entities
        for kind in types:
            gold = [one.text for one in example.entities if one.type == kind]
            asked.append(Question(gold, [(one.text, one.confidence or 0.0) for one in entities if one.type == kind]))
    return asked


def calibration_error(by_set: dict[str, list[Question]]) -> tuple[float, list[tuple[int, float, float]]]:
    """ECE, and for each bin the mentions in it, their mean confidence and the share that is right."""
    rows: list[tuple[float, float, float]] = []
    for asked in by_set.values():
        mentions = [
            (sure, float(normalise(text) in {normalise(one) for one in question.gold}))
            for question in asked
            for text, sure in question.found
        ]
        rows += [(sure, right, 1 / len(mentions)) for sure, right in mentions]
    sure, right, weight = np.asarray(rows).T
    bins = np.minimum((sure * 10).astype(int), 9)
    error, table = 0.0, list[tuple[int, float, float]]()
    for number in range(10):
        inside = bins == number
        if not inside.any():
            continue
        share = weight[inside] / weight[inside].sum()
        said, so = float(sure[inside] @ share), float(right[inside] @ share)
        error += float(weight[inside].sum() / weight.sum()) * abs(said - so)
        table.append((int(inside.sum()), said, so))
    return error, table


def mean(values: list[float]) -> float:
    return 100 * sum(values) / len(values)


def report(title: str, by_set: dict[str, list[Question]]) -> None:
    error, table = calibration_error(by_set)
    print(f"\n{title}: {', '.join(by_set)}\nECE {error:.3f}\n{'mentions':>9} {'confidence':>11} {'right':>6}")
    for number, said, so in table:
        print(f"{number:9} {said:11.2f} {so:6.2f}")
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
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--nano-path", type=Path, help="other weights than the shipped ones")
    parser.add_argument("--limit", type=int, default=300, help="passages of a set")
    arguments = parser.parse_args()
    async with Extractor.open(load_settings(cache=False, nano_path=arguments.nano_path)) as extractor:
        for title, names in (("Fitted on their development passages", FITTED), ("New", NEW)):
            there = [name for name in names if (arguments.data / name / "test.jsonl.gz").is_file()]
            by_set = {name: await questions(extractor, arguments.data, name, arguments.limit) for name in there}
            report(title, by_set)


if __name__ == "__main__":
    asyncio.run(main())
