"""F1 of nano at each threshold, on development passages: where does the shipped one stand?

    python benchmarks/nano_thresholds.py --data DATA [--nano-path FOLDER]

Means over the sets that are not trained on, and over those that are, as users get entities (without overlap).
"""

from __future__ import annotations

import argparse
from pathlib import Path

from uniner_mcp.distill.nano.validation import TRAINED_ON, development_sets, f1_of, mean_f1
from uniner_mcp.engines.nano.manifest import SHIPPED, read_manifest
from uniner_mcp.engines.nano.runtime import NanoRuntime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--nano-path", type=Path, default=SHIPPED)
    arguments = parser.parse_args()
    manifest = read_manifest(arguments.nano_path)
    runtime = NanoRuntime(arguments.nano_path, manifest, 2)
    sets = development_sets(arguments.data, arguments.nano_path / "tokenizer.json")
    print(f"{manifest.model}, shipped at {manifest.threshold}\n{'threshold':>9} {'new sets':>9} {TRAINED_ON:>15}")
    for threshold, f1 in f1_of(runtime.scores, sets).items():
        print(f"{threshold:9.3f} {mean_f1(f1):9.1f} {f1[TRAINED_ON]:15.1f}")


if __name__ == "__main__":
    main()
