"""Measure the F1 of an engine on annotated test sets, with the extractor as users call it.

    python benchmarks/accuracy.py --data DATA            # the table
    python benchmarks/accuracy.py --data DATA --write    # also write scores.json and the shipped model card

DATA contains one folder per set (`test.jsonl.gz`, `card.json`). The score is the paper's: micro F1 over normalised
strings per type. Every passage is asked for every type of its set; types such as "miscellaneous" are left out.
Intervals are bootstrapped: 1,000 samples of passages with replacement.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime
import platform
import tempfile
from pathlib import Path

import orjson

import uniner_mcp
from uniner_mcp import Extractor, load_settings
from uniner_mcp.distill.nano.card import write_card
from uniner_mcp.engines.nano.manifest import SHIPPED, Scores
from uniner_mcp.evaluate.loading import TestSet, load_set
from uniner_mcp.evaluate.predictions import Run
from uniner_mcp.evaluate.scores import score
from uniner_mcp.schema import Accuracy

ZERO_SHOT = ["mit_movie", "mit_restaurant", "crossner_ai", "crossner_literature", "crossner_music", "crossner_politics"]
ZERO_SHOT.append("crossner_science")
OTHERS = ["wnut17", "bc5cdr", "ncbi_disease", "stackoverflow_ner"]
DOMAINS = {
    "general": ["crossner_literature", "crossner_music", "crossner_politics", "uner_en_ewt", "wikineural_en"],
    "biomedical": ["bc2gm", "bionlp13cg", "jnlpba", "anatem"],
    "clinical": ["ade_corpus", "ebm_nlp", "e3c_en"],
    "stem": ["crossner_ai", "crossner_science", "agriner", "scierc"],
    "programming": ["stackoverflow_ner", "github_ner"],
    "social_media": ["mit_movie", "mit_restaurant"],
    "finance": ["finer_ord"],
}
"""Sets of each domain that the shipped model was not trained on: the accuracy to expect on new text."""
SAMPLE = 500
"""Passages of the sets that only represent a domain; the zero-shot sets and the other four are scored in full."""


async def measure(extractor: Extractor, test_set: TestSet) -> dict[str, float]:
    """Return F1 with its 95 % interval over passages, precision and recall in percent, and the number of passages."""
    with tempfile.TemporaryDirectory() as folder:
        run = Run(Path(folder), extractor, [test_set], "test")
        await run.predict(extractor, test_set, lambda: None)
        scores = score(test_set, run.predictions(test_set.name))
    paper, (low, high) = scores.paper, scores.interval
    shares = {"f1": paper.f1, "low": low, "high": high, "precision": paper.precision, "recall": paper.recall}
    return {name: round(100 * share, 2) for name, share in shares.items()} | {"passages": scores.passages}


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of annotated sets, one folder per set")
    parser.add_argument("--sets", nargs="*", help="only these sets")
    parser.add_argument("--nano-path", type=Path, help="folder of weights to use instead of the shipped ones")
    parser.add_argument("--limit", type=int, help="maximum number of passages per set")
    parser.add_argument("--write", action="store_true", help="write scores.json and the model card")
    arguments = parser.parse_args()
    names = arguments.sets or list(dict.fromkeys([*ZERO_SHOT, *OTHERS, *(s for d in DOMAINS.values() for s in d)]))
    rows: dict[str, dict[str, float]] = {}
    print(f"{'data set':22} {'F1':>6} {'95 % interval':>16} {'prec.':>6} {'recall':>6} {'passages':>8}")
    async with Extractor.open(load_settings(cache=False, nano_path=arguments.nano_path)) as extractor:
        for name in names:
            full = name in ZERO_SHOT or name in OTHERS
            most = arguments.limit or (None if full else SAMPLE)
            row = rows[name] = await measure(extractor, load_set(arguments.data, name, "test", most))
            print(
                f"{name:22} {row['f1']:6.1f} {row['low']:7.1f} to {row['high']:5.1f} {row['precision']:6.1f} "
                f"{row['recall']:6.1f} {row['passages']:8}",
                flush=True,
            )
        model = extractor.info().model
    if set(ZERO_SHOT) <= rows.keys():
        average = sum(rows[name]["f1"] for name in ZERO_SHOT) / len(ZERO_SHOT)
        print(f"{'zero-shot average (7)':22} {average:6.1f}")
    if arguments.write:
        when = f"{datetime.date.today()}, uniner-mcp {uniner_mcp.__version__}, {platform.machine()} CPU, int8"
        domains = {
            domain: Accuracy(
                model=model,
                f1=round(sum(rows[name]["f1"] for name in sets) / len(sets), 1),
                source=f"measured {datetime.date.today()}: mean F1 over test passages of {', '.join(sets)}, none of "
                "which it was trained on (benchmarks/accuracy.py)",
            )
            for domain, sets in DOMAINS.items()
        }
        scores = Scores(measured=when, sets=rows, domains=domains)
        (SHIPPED / "scores.json").write_bytes(orjson.dumps(scores.model_dump(), option=orjson.OPT_INDENT_2) + b"\n")
        write_card(SHIPPED)


if __name__ == "__main__":
    asyncio.run(main())
