"""A whole run: the stages of a run file in one folder, each with the output of the one before."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

from pydantic import JsonValue

from uniner_mcp.distill.dataset.annotate_stage import annotate_stage
from uniner_mcp.distill.dataset.conversations_stage import conversations_stage
from uniner_mcp.distill.dataset.sample_stage import sample_stage
from uniner_mcp.distill.nano.stages import export_nano_stage, train_nano_stage
from uniner_mcp.distill.recipe import EvaluateSettings, Recipe
from uniner_mcp.distill.stages import Stage
from uniner_mcp.distill.student.stages import export_stage, train_stage
from uniner_mcp.evaluate.command import evaluate
from uniner_mcp.settings import Settings, load_settings


def stages(recipe: Recipe, folder: Path) -> Iterator[Stage]:
    """Yield the stages of a run in `folder`, in order. Perform each stage before you take the next one."""
    passages, annotations, rows = (folder / f"{name}.jsonl" for name in ("passages", "annotations", "conversations"))
    train, student, nano = folder / "train", folder / "student", folder / "nano"
    if (sample := recipe.sample) is not None:
        yield sample_stage(sample, passages)
    if (annotate := recipe.annotate) is not None:
        yield annotate_stage(annotate, annotate.passages or passages, annotations)
    if (making := recipe.conversations) is not None:
        sources = making.annotations or ([] if making.sets else [annotations])
        yield conversations_stage(making, sources, rows)
    if recipe.train is not None:
        yield train_stage(recipe.train, recipe.train.data or rows, train)
    if recipe.export is not None:
        yield export_stage(recipe.export, train, student)
        if recipe.evaluate is not None:
            gguf = student / "student.gguf"
            engine, model = ("llama-cpp", gguf) if recipe.export.gguf is not None else ("vllm", student)
            settings = load_settings(engine=engine, model=str(model), profile=str(student / "profile.toml"))
            yield _evaluate_stage(recipe.evaluate, settings, student, folder / "report")
    if (spans := recipe.train_nano) is not None:
        yield train_nano_stage(spans, folder / "train-nano")
        yield export_nano_stage(folder / "train-nano", nano, spans.data, spans.start)
        if recipe.evaluate is not None:
            settings = load_settings(engine="nano", nano_path=nano)
            yield _evaluate_stage(recipe.evaluate, settings, nano, folder / "report")


def _evaluate_stage(given: EvaluateSettings, settings: Settings, student: Path, out: Path) -> Stage:
    def work() -> dict[str, JsonValue]:
        scores = asyncio.run(evaluate(settings, given.data, given.sets, given.split, given.limit, out))
        return {one.name: round(100 * one.paper.f1, 1) for one in scores}

    plain = given.model_dump(mode="json", exclude={"data"})
    inputs = [student, *(given.data / name for name in given.sets or ["."])]
    return Stage("evaluate", out, out / "report.md", plain, inputs, work, "same")
