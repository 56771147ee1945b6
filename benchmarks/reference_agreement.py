"""Compare the F1 of a finished run with the reference implementation's own, on its conversation files.

    uniner-mcp evaluate --data DATA --out OUT       # DATA contains files such as src/eval/test_data/CrossNER_AI.json
    python benchmarks/reference_agreement.py --data DATA --out OUT

The reference counts every row of a file, strings only: both sides are parsed from JSON, normalised and deduplicated.
tests/formats/reading/test_reference.py compares this counting with what its own program printed.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from uniner_mcp.evaluate.loading import find_sets, load_set
from uniner_mcp.evaluate.predictions import read_predictions
from uniner_mcp.evaluate.scores import score
from uniner_mcp.evaluate.scoring import Counts, count_reference
from uniner_mcp.formats.reading.reference import read_reference


def reference_f1(path: Path, answers: dict[tuple[str, str], list[str]]) -> float:
    """Return the F1 in percent over all rows of a file; answers: mentions by text and type."""
    rows = read_reference(path)
    counted = (count_reference(row.gold, json.dumps(answers[row.text, row.type])) for row in rows)
    return 100 * sum(counted, Counts()).f1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of conversation files")
    parser.add_argument("--out", type=Path, required=True, help="folder of the finished run, without --limit")
    given = parser.parse_args()
    print(f"{'file':24} {'rows':>6} {'ours':>6} {'reference':>9}")
    for name in find_sets(given.data, "test"):
        one = load_set(given.data, name, "test", None)
        if one.spans:
            continue
        predictions = read_predictions(given.out, name)
        path = given.data / f"{name}.json"
        answers = {
            (example.text, kind): [found.text for found in predictions[str(number)].entities if found.type == kind]
            for number, example in enumerate(one.examples)
            for kind in one.asked(example)
        }
        ours = 100 * score(one, predictions).paper.f1
        print(f"{name:24} {len(read_reference(path)):6} {ours:6.2f} {reference_f1(path, answers):9.2f}")


if __name__ == "__main__":
    main()
