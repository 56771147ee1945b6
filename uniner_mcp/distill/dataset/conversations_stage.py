"""`uniner-mcp distill conversations`: writes the rows and counts what is in them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import orjson
from pydantic import JsonValue

from uniner_mcp.distill.dataset.annotations import (
    Labelled,
    Losses,
    head_and_tail,
    labelled_by_set,
    labelled_by_teacher,
    type_counts,
)
from uniner_mcp.distill.dataset.conversations import Sampler, conversations
from uniner_mcp.distill.recipe import ConversationsSettings
from uniner_mcp.distill.stages import Stage
from uniner_mcp.errors import RequestError
from uniner_mcp.formats.reading.datasets import DataSet


def conversations_stage(settings: ConversationsSettings, annotations: Sequence[Path], out: Path) -> Stage:
    """Return the stage that writes the rows of all annotations and sets to the file `out`.

    Only the training split of a set is used.
    """
    if not annotations and not settings.sets:
        raise RequestError("There is nothing to build conversations from: give --annotations or --set.")
    plain = settings.model_dump(mode="json", exclude={"annotations", "sets"})
    inputs = [*annotations, *settings.sets]
    return Stage("conversations", out, out, plain, inputs, lambda: _write(settings, annotations, out))


def _write(settings: ConversationsSettings, annotations: Sequence[Path], out: Path) -> dict[str, JsonValue]:
    losses = Losses()
    groups: list[tuple[str | None, list[Labelled]]] = [
        (None, list(labelled_by_teacher(path, losses))) for path in annotations
    ]
    for folder in settings.sets:
        examples = DataSet(folder.name, folder).split("train")
        groups.append((folder.name if settings.name_sets else None, list(labelled_by_set(examples, losses))))
    counts = type_counts(passage for _, group in groups for passage in group)
    sampler = Sampler(counts, settings.negatives, settings.ratio, settings.seed)
    rows = questions = empty = 0
    with out.open("wb") as file:
        for dataset, group in groups:
            for row in conversations(group, sampler, settings.seed, dataset):
                file.write(orjson.dumps(row) + b"\n")
                answers = [turn["value"] for turn in row["conversations"][3::2]]
                rows, questions, empty = rows + 1, questions + len(answers), empty + answers.count("[]")
    return {
        "conversations": rows,
        "questions": questions,
        "questions without an answer": empty,
        "entities": sum(counts.values()),
        "types": len(counts),
        "types by frequency": {part: dict(found) for part, found in head_and_tail(counts).items()},
        "passages left out": dict(losses.passages),
        "entities left out": dict(losses.entities),
    }
