"""`uniner-mcp distill …`: the stages of the recipe, one by one, or a whole run."""

from __future__ import annotations

import logging
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from uniner_mcp.cli.reporting import reported
from uniner_mcp.errors import UninerError

if TYPE_CHECKING:
    from uniner_mcp.distill.stages import Stage

distill_app = typer.Typer(
    help="The recipe: sample, annotate, make conversations, train and export students.", no_args_is_help=True
)


NOT_ALL = "Not every passage was labelled: the same command asks again those that failed."


def _perform(stage: Stage) -> bool:
    """Do a stage and say how it went; False where something is still missing."""
    from uniner_mcp.distill.stages import perform

    outcome = perform(stage)
    if outcome.aside is not None:
        typer.echo(f"{stage.out} was made with other settings or data: it is now {outcome.aside}")
    if outcome.skipped:
        typer.echo(f"{stage.name}: {stage.out} is up to date")
    else:
        typer.echo(f"{stage.name}: {stage.out} is {'made' if outcome.manifest.finished else 'not finished'}")
        for name, value in outcome.manifest.counts.items():
            typer.echo(f"  {name}: {value}")
    return outcome.manifest.finished is not None


@distill_app.command("run")
def run(
    recipe: Annotated[Path, typer.Argument(help="TOML file with a table for each stage: see docs/recipe.md.")],
    out: Annotated[Path, typer.Option(help="Folder of the run; what is there and up to date is not made again.")],
) -> None:
    """Do all stages of a run file, each with what the one before made."""
    with reported():
        from uniner_mcp.distill.recipe import read_recipe
        from uniner_mcp.distill.run import stages

        logging.basicConfig(level=logging.INFO, format="%(message)s")
        for stage in stages(read_recipe(recipe), out):
            if not _perform(stage):
                raise UninerError(NOT_ALL)


@distill_app.command("train-nano")
def train_nano(
    data: Annotated[Path, typer.Option(help="Folder of data sets, one folder a set.")],
    out: Annotated[Path, typer.Option(help="Folder for checkpoint and log; the same call goes on from there.")],
    start: Annotated[Path | None, typer.Option(help="Encoder to start from; default: all-MiniLM-L6-v2.")] = None,
    steps: Annotated[int, typer.Option(help="Train so many steps in place of the full recipe.", min=0)] = 0,
    seed: Annotated[int | None, typer.Option(help="Seed of everything random.")] = None,
) -> None:
    """Train the embedded student from annotated sets (about an hour and a half on two cores)."""
    with reported():
        from uniner_mcp.distill.nano.stages import train_nano_stage
        from uniner_mcp.distill.recipe import TrainNanoSettings

        logging.basicConfig(level=logging.INFO, format="%(message)s")
        _perform(train_nano_stage(TrainNanoSettings(data=data, start=start, steps=steps, seed=seed), out))


@distill_app.command("export-nano")
def export_nano(
    run: Annotated[Path, typer.Option(help="Folder that train-nano wrote.")],
    out: Annotated[Path, typer.Option(help="Folder for the weights, the tokenizer and the model card.")],
    data: Annotated[Path, typer.Option(help="Folder of data sets, to compare int8 with float.")],
    start: Annotated[Path | None, typer.Option(help="The encoder that training started from.")] = None,
) -> None:
    """Write the trained student as int8 ONNX, checked against the float model."""
    with reported():
        from uniner_mcp.distill.nano.stages import export_nano_stage

        logging.basicConfig(level=logging.INFO, format="%(message)s")
        _perform(export_nano_stage(run, out, data, start))


@distill_app.command("sample")
def sample(
    corpus: Annotated[list[Path], typer.Option(help="File or folder of .jsonl, .txt or .parquet; may be repeated.")],
    out: Annotated[Path, typer.Option(help="File of passages.")],
    number: Annotated[int, typer.Option(help="Passages that are drawn at most.", min=1)] = 50_000,
    tokens: Annotated[int, typer.Option(help="Longest passage, in word pieces.", min=8)] = 256,
    field: Annotated[str, typer.Option(help="Where the text of a document stands in JSON lines and Parquet.")] = "text",
    language: Annotated[str | None, typer.Option(help="Draw only passages in this language, such as en.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the lot.")] = 0,
) -> None:
    """Draw passages from a corpus of any size by lot, each once."""
    with reported():
        from uniner_mcp.distill.dataset.sample_stage import sample_stage
        from uniner_mcp.distill.recipe import SampleSettings

        settings = SampleSettings(
            corpus=corpus, number=number, tokens=tokens, field=field, language=language, seed=seed
        )
        _perform(sample_stage(settings, out))


class Wording(StrEnum):
    """What the teacher names."""

    TYPE = "type"
    DEFINITION = "definition"


@distill_app.command("annotate")
def annotate(
    passages: Annotated[Path, typer.Option(help='Passages to label: JSON lines with "id" and "text".')],
    out: Annotated[Path, typer.Option(help="File of annotations; the same call goes on where it was stopped.")],
    teacher: Annotated[
        str, typer.Option(help="Fallback policy whose teacher, prices and budgets are used: a name or a TOML file.")
    ] = "teacher-only",
    wording: Annotated[Wording, typer.Option(help="Let the teacher name types, or define them.")] = Wording.TYPE,
    batch: Annotated[bool, typer.Option("--batch", help="Use the Batch API: half the price, within a day.")] = False,
    at_once: Annotated[int, typer.Option(help="Requests at the same time.", min=1)] = 8,
    per_minute: Annotated[float | None, typer.Option(help="Requests per minute at most.", min=0.01)] = None,
) -> None:
    """Let a teacher label passages, in the paper's words; its answers are kept as they are."""
    with reported():
        from uniner_mcp.distill.dataset.annotate_stage import annotate_stage
        from uniner_mcp.distill.recipe import AnnotateSettings

        settings = AnnotateSettings(
            teacher=teacher, wording=wording.value, batch=batch, at_once=at_once, per_minute=per_minute
        )
        if not _perform(annotate_stage(settings, passages, out)):
            raise UninerError(NOT_ALL)


class Negatives(StrEnum):
    """How types are drawn that a passage does not have."""

    NONE = "none"
    UNIFORM = "uniform"
    FREQUENCY = "frequency"


@distill_app.command("conversations")
def conversations(
    out: Annotated[Path, typer.Option(help="File of conversations; a manifest is written beside it.")],
    annotations: Annotated[list[Path] | None, typer.Option(help="File that annotate wrote; repeatable.")] = None,
    dataset: Annotated[
        list[Path] | None, typer.Option("--set", help="Folder of an annotated set (its training split); repeatable.")
    ] = None,
    negatives: Annotated[Negatives, typer.Option(help="How absent types are drawn.")] = Negatives.FREQUENCY,
    ratio: Annotated[float, typer.Option(help="Absent types for each type that a passage has.", min=0)] = 1.0,
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 0,
    name_sets: Annotated[bool, typer.Option(help="Name the set before the text, as for supervised training.")] = False,
) -> None:
    """Make training conversations of annotations, with negative samples."""
    with reported():
        from uniner_mcp.distill.dataset.conversations_stage import conversations_stage
        from uniner_mcp.distill.recipe import ConversationsSettings

        settings = ConversationsSettings(
            sets=dataset or [], negatives=negatives.value, ratio=ratio, seed=seed, name_sets=name_sets
        )
        _perform(conversations_stage(settings, annotations or [], out))


class Precision(StrEnum):
    """How the matrices of a GGUF file are stored."""

    F16 = "f16"
    Q8_0 = "q8_0"


@distill_app.command("train")
def train(
    data: Annotated[Path, typer.Option(help="Conversations: JSON lines in the reference implementation's form.")],
    base: Annotated[str, typer.Option(help="Llama-class model to start from: a folder or a Hugging Face id.")],
    out: Annotated[Path, typer.Option(help="Folder for checkpoints and log; the same call goes on from there.")],
    lora_rank: Annotated[int | None, typer.Option(help="Train a LoRA of this rank; 0: all weights.", min=0)] = None,
    lora_dropout: Annotated[float | None, typer.Option(help="Dropout of the LoRA; 0 is faster.", min=0)] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Peak of the learning rate.")] = None,
    epochs: Annotated[float | None, typer.Option(help="Times that the data are seen.")] = None,
    steps: Annotated[int | None, typer.Option(help="Train so many steps in place of epochs.")] = None,
    batch: Annotated[int | None, typer.Option(help="Conversations in one step, per device.")] = None,
    accumulation: Annotated[int | None, typer.Option(help="Steps whose gradients are added up.")] = None,
    longest: Annotated[int | None, typer.Option(help="Longest sequence, in tokens.")] = None,
    save_steps: Annotated[int | None, typer.Option(help="Steps between two checkpoints.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of everything random.")] = None,
) -> None:
    """Train a causal student on conversations, by default as the paper did; `accelerate launch` for several GPUs."""
    with reported():
        from uniner_mcp.distill.recipe import TrainSettings, checked
        from uniner_mcp.distill.student.stages import train_stage

        logging.basicConfig(level=logging.INFO, format="%(message)s")
        given = {
            "base": base,
            "lora_rank": lora_rank,
            "lora_dropout": lora_dropout,
            "learning_rate": learning_rate,
            "epochs": epochs,
            "steps": steps,
            "batch": batch,
            "accumulation": accumulation,
            "longest": longest,
            "save_steps": save_steps,
            "seed": seed,
        }
        settings = checked(TrainSettings, {name: value for name, value in given.items() if value is not None})
        _perform(train_stage(settings, data, out))


@distill_app.command("export")
def export(
    run: Annotated[Path, typer.Option(help="Folder that train wrote.")],
    out: Annotated[Path, typer.Option(help="Folder for the merged model, its tokenizer and its profile.")],
    gguf: Annotated[Precision | None, typer.Option(help="Also write a GGUF file there, for llama.cpp.")] = None,
) -> None:
    """Write a trained student as one folder, for `serve --engine vllm --model OUT --profile OUT/profile.toml`."""
    with reported():
        from uniner_mcp.distill.recipe import ExportSettings
        from uniner_mcp.distill.student.stages import export_stage

        settings = ExportSettings(gguf=gguf.value if gguf is not None else None)
        _perform(export_stage(settings, run, out))
