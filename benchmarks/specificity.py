"""Measure what it gains that `flat` keeps the most specific type, by the confidence and the certainty that it needs.

    python benchmarks/specificity.py --data DATA

DATA contains synthetic_latin and the sets of `uniner_mcp.distill.nano.validation`, of which the development passages
are read, and none of the zero-shot benchmark. F1 in percent: of synthetic_open and synthetic_latin, where of the labels
of one span only the most specific ones count as gold, and the mean over the sets that nano is not trained on, most of
which ask no kinds of other types. The texts of synthetic_latin, in other languages, are unlike those that nano was
trained on, so its confidence in specific types is as low as on new text.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from functools import cache
from pathlib import Path

from uniner_mcp import Relation, relation
from uniner_mcp.distill.nano.validation import TRAINED_ON, asked_of, development_sets, entities_at, mean_f1
from uniner_mcp.engines.nano.manifest import SHIPPED, read_manifest
from uniner_mcp.engines.nano.runtime import NanoRuntime
from uniner_mcp.engines.nano.spans import calibrated
from uniner_mcp.evaluate.scoring import Counts, count
from uniner_mcp.extraction import merging
from uniner_mcp.formats.documents import Document, Span
from uniner_mcp.formats.reading.datasets import DataSet
from uniner_mcp.schema import Entity

LATIN = "synthetic_latin"


@cache
def probability(specific: str, general: str) -> float:
    """Return how sure it is that the first type is a kind of the second; 0 if another relation is more probable."""
    told = relation(specific, general)
    return told.probability if told.relation is Relation.KIND_OF else 0.0


def most_specific(document: Document) -> list[Span]:
    labels: defaultdict[tuple[int, int], set[str]] = defaultdict(set)
    for gold in document.entities:
        labels[gold.start, gold.end].add(gold.type)
    return [
        gold
        for gold in document.entities
        if not any(probability(other, gold.type) for other in labels[gold.start, gold.end] - {gold.type})
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of annotated sets, one folder per set")
    data: Path = parser.parse_args().data
    manifest = read_manifest(SHIPPED)
    runtime = NanoRuntime(SHIPPED, manifest, 2)
    found: dict[str, list[tuple[Document, list[str], list[Entity]]]] = {}
    sets = development_sets(data, SHIPPED / "tokenizer.json")
    latin = DataSet(LATIN, data / LATIN)
    for name, documents in {**sets, LATIN: latin.split("train") + latin.split("dev")}.items():
        found[name] = []
        for document, types in asked_of(documents):
            scores = runtime.scores(document.text, types)
            entities = entities_at(manifest.threshold, document.text, types, scores, "all")
            sure = [one.model_copy(update={"confidence": calibrated(one.confidence or 0, *manifest.calibration)})
                    for one in entities]  # fmt: skip
            found[name].append((document, types, sure))

    def f1(least: float, credible: float) -> dict[str, float]:
        merging.CREDIBLE = credible
        scores: dict[str, float] = {}
        for name, rows in found.items():
            total = Counts()
            for document, types, entities in rows:
                kept = merging.merge(entities, "flat", lambda a, b: probability(a, b) >= least)
                gold = most_specific(document) if name in {TRAINED_ON, LATIN} else document.entities
                for kind in types:
                    total += count([g.text for g in gold if g.type == kind], [e.text for e in kept if e.type == kind])
            scores[name] = 100 * total.f1
        return scores

    print("probability  confidence  synthetic_open  synthetic_latin  others (mean)")
    for least, credible in [(1.1, 1.0), *((p, c) for p in (0.6, 0.8, 1.0) for c in (0.3, 0.5, 0.6, 0.7, 0.8, 0.9))]:
        scores = f1(least, credible)
        rule = f"{least:11.1f}  {credible:10.1f}" if least <= 1 else f"{'off':>11}  {'':10}"
        latin_f1 = scores.pop(LATIN)
        print(f"{rule}  {scores[TRAINED_ON]:14.1f}  {latin_f1:15.1f}  {mean_f1(scores):13.1f}", flush=True)


if __name__ == "__main__":
    main()
