"""Measure nano's F1 at each threshold on development passages, to judge the shipped threshold.

    python benchmarks/nano_thresholds.py --data DATA [--nano-path FOLDER]

Prints means over the sets that nano is not trained on, and over those that it is, for the entities that users get
(without overlap).
"""

from __future__ import annotations

import argparse
from pathlib import Path

from uniner_mcp.distill.nano.validation import TRAINED_ON, development_sets, f1_of, mean_f1
from uniner_mcp.engines.nano.manifest import SHIPPED, read_manifest
from uniner_mcp.engines.nano.runtime import NanoRuntime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of annotated sets, one folder per set")
    parser.add_argument("--nano-path", type=Path, default=SHIPPED, help="folder of weights; default: the shipped ones")
    arguments = parser.parse_args()
    manifest = read_manifest(arguments.nano_path)
    runtime = NanoRuntime(arguments.nano_path, manifest, 2)
    sets = development_sets(arguments.data, arguments.nano_path / "tokenizer.json")
    print(f"{manifest.model}, shipped at {manifest.threshold}\n{'threshold':>9} {'new sets':>9} {TRAINED_ON:>15}")
    for threshold, f1 in f1_of(runtime.scores, sets).items():
        print(f"{threshold:9.3f} {mean_f1(f1):9.1f} {f1[TRAINED_ON]:15.1f}")


if __name__ == "__main__":
    main()
