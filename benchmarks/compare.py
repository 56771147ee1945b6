"""Compare reports of `uniner-mcp evaluate` on the same passages: F1 per set, their mean, and paired differences.

    python benchmarks/compare.py --data DATA base=report-base frequency=report-frequency …

Intervals cover 95 % of 2000 bootstrap samples over the passages of each set, the same passages for all reports.
"""

from __future__ import annotations

import argparse
from itertools import combinations
from pathlib import Path

import numpy as np
import orjson
from numpy.typing import NDArray

from uniner_mcp.evaluate.loading import TestSet, load_set
from uniner_mcp.evaluate.predictions import read_predictions
from uniner_mcp.evaluate.scores import score

DRAWS = 2000


def passages(report: Path, test_set: TestSet) -> NDArray[np.float64]:
    """Return the numbers of correct, predicted and gold mentions of each passage."""
    counted = score(test_set, read_predictions(report, test_set.name)).counted
    if len(counted) < len(test_set.examples):
        raise SystemExit(f"{report} has {len(counted)} of {len(test_set.examples)} passages of {test_set.name}.")
    return np.array([(one.correct, one.predicted, one.gold) for one in counted], dtype=float)


def f1(rows: NDArray[np.float64]) -> float:
    correct, predicted, gold = rows.sum(0)
    return float(200 * correct / (predicted + gold)) if predicted + gold else 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of annotated sets, one folder per set")
    parser.add_argument("--limit", type=int, help="the limit that was given to evaluate")
    parser.add_argument("reports", nargs="+", help="name and folder of each report, as NAME=FOLDER")
    given = parser.parse_args()
    folders = {name: Path(folder) for name, _, folder in (one.partition("=") for one in given.reports)}
    run = orjson.loads((next(iter(folders.values())) / "run.json").read_bytes())
    sets = [load_set(given.data, name, run["split"], given.limit) for name in run["sets"]]
    rows = {name: [passages(folder, one) for one in sets] for name, folder in folders.items()}
    print(f"{'':12}" + "".join(f"{one.name:>20}" for one in sets) + f"{'mean':>8}")
    for name, found in rows.items():
        scores = [f1(one) for one in found]
        print(f"{name:12}" + "".join(f"{score:20.1f}" for score in scores) + f"{np.mean(scores):8.1f}")
    lot = np.random.default_rng(0)
    draws: dict[str, list[float]] = {name: [] for name in rows}
    for _ in range(DRAWS):
        drawn = [lot.integers(len(one.examples), size=len(one.examples)) for one in sets]
        for name, found in rows.items():
            draws[name].append(float(np.mean([f1(one[places]) for one, places in zip(found, drawn, strict=True)])))
    for first, second in combinations(rows, 2):
        apart = np.subtract(draws[second], draws[first])
        low, high = np.quantile(apart, [0.025, 0.975])
        print(f"{second} less {first}: {apart.mean():+.1f} ({low:+.1f} to {high:+.1f})")


if __name__ == "__main__":
    main()
