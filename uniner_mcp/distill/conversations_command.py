"""`uniner-mcp distill conversations`: rows, and beside them a manifest of what they were made of."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import orjson

import uniner_mcp
from uniner_mcp.distill.annotations import (
    Labelled,
    Losses,
    head_and_tail,
    labelled_by_set,
    labelled_by_teacher,
    type_counts,
)
from uniner_mcp.distill.conversations import Negatives, Sampler, conversations
from uniner_mcp.errors import RequestError
from uniner_mcp.evaluate.datasets import DataSet


def write_conversations(
    annotations: Sequence[Path],
    sets: Sequence[Path],
    out: Path,
    negatives: Negatives,
    ratio: float,
    seed: int,
    name_sets: bool,
) -> dict[str, object]:
    """Write the rows of all annotations and sets to `out`, and what is known of them to `out` with `.manifest.json`.

    sets: folders of annotated sets, of which the training split is taken; `name_sets`: in the form that names the set.
    Returns the manifest.
    """
    if not annotations and not sets:
        raise RequestError("Give --annotations or --set: there is nothing to make conversations of.")
    losses = Losses()
    groups: list[tuple[str | None, list[Labelled]]] = [
        (None, list(labelled_by_teacher(path, losses))) for path in annotations
    ]
    for folder in sets:
        examples = DataSet(folder.name, folder).split("train")
        groups.append((folder.name if name_sets else None, list(labelled_by_set(examples, losses))))
    counts = type_counts(passage for _, group in groups for passage in group)
    sampler = Sampler(counts, negatives, ratio, seed)
    out.parent.mkdir(parents=True, exist_ok=True)
    rows = questions = empty = 0
    with out.open("wb") as file:
        for dataset, group in groups:
            for row in conversations(group, sampler, seed, dataset):
                file.write(orjson.dumps(row) + b"\n")
                answers = [turn["value"] for turn in row["conversations"][3::2]]
                rows, questions, empty = rows + 1, questions + len(answers), empty + answers.count("[]")
    manifest: dict[str, object] = {
        "made_by": f"uniner-mcp {uniner_mcp.__version__}",
        "inputs": {str(path): _hash(path) for path in (*annotations, *(folder / "card.json" for folder in sets))},
        "negatives": negatives,
        "ratio": ratio,
        "seed": seed,
        "conversations": rows,
        "questions": questions,
        "questions without an answer": empty,
        "entities": sum(counts.values()),
        "types": len(counts),
        "types by frequency": head_and_tail(counts),
        "passages left out": dict(losses.passages),
        "entities left out": dict(losses.entities),
    }
    out.with_suffix(".manifest.json").write_bytes(orjson.dumps(manifest, option=orjson.OPT_INDENT_2))
    return manifest


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
