"""How often passages of annotated sets are taken for English: English ones, and those in other languages.

    python benchmarks/languages.py --data DATA

DATA contains one folder per set (`dev.jsonl.gz` or another split, `card.json`). The sets in other languages are those
whose names end in a language code. Prints the share of passages that `is_english` rejects, and the time per passage.
"""

from __future__ import annotations

import argparse
import re
import time
from pathlib import Path

from uniner_mcp.extraction.language import is_english
from uniner_mcp.formats.documents import Document
from uniner_mcp.formats.reading.datasets import DataSet

FOREIGN = re.compile(r"_(?:de|es|fr|it|pl|pt)$|^german_|_latin$")
SAMPLE = 500
LONG = 80
"""Characters from which on a passage is more than a headline or a query."""


def passages(data: Path, name: str) -> list[Document]:
    """The first passages of a set, of the first split it has."""
    for split in ("dev", "test", "train"):
        try:
            return DataSet(name, data / name).split(split)[:SAMPLE]
        except ValueError:
            continue
    return []


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    data: Path = parser.parse_args().data
    totals = {True: [0, 0], False: [0, 0]}
    seconds = 0.0
    print(f"{'data set':20} {'passages':>8} {'not English':>11} {f'of {LONG}+ characters':>19}")
    for folder in sorted(path for path in data.iterdir() if path.is_dir()):
        texts = [example.text for example in passages(data, folder.name)]
        started = time.perf_counter()
        rejected = [text for text in texts if not is_english(text)]
        seconds += time.perf_counter() - started
        long = [text for text in texts if len(text) >= LONG]
        share = 100 * len(rejected) / max(len(texts), 1)
        of_long = 100 * sum(len(text) >= LONG for text in rejected) / max(len(long), 1)
        print(f"{folder.name:20} {len(texts):8} {share:9.1f} % {of_long:17.1f} %")
        total = totals[FOREIGN.search(folder.name) is not None]
        total[0] += len(rejected)
        total[1] += len(texts)
    for foreign, (rejected, every) in totals.items():
        print(f"{'other languages' if foreign else 'English':20} {every:8} {100 * rejected / max(every, 1):9.1f} %")
    print(f"{1e6 * seconds / sum(every for _, every in totals.values()):.0f} µs per passage")


if __name__ == "__main__":
    main()
