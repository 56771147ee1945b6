"""`uniner-mcp distill …`: the stages of the recipe."""

from __future__ import annotations

import logging
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from uniner_mcp.cli.reporting import reported
from uniner_mcp.errors import UninerError
from uniner_mcp.settings import load_settings

distill_app = typer.Typer(help="The recipe: annotate, train and export students.", no_args_is_help=True)


@distill_app.command("train-nano")
def train_nano(
    data: Annotated[Path, typer.Option(help="Folder of data sets, one folder a set.")],
    out: Annotated[Path, typer.Option(help="Folder for checkpoint and log; the same call goes on from there.")],
    start: Annotated[Path | None, typer.Option(help="Encoder to start from; default: all-MiniLM-L6-v2.")] = None,
    steps: Annotated[int | None, typer.Option(help="Train so many steps in place of the full recipe.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of everything random.")] = None,
) -> None:
    """Train the embedded student from annotated sets (about 80 minutes on two cores)."""
    with reported():
        from uniner_mcp.distill.nano import run_training

        logging.basicConfig(level=logging.INFO, format="%(message)s")
        run_training(data, out, start, steps, seed)


@distill_app.command("export-nano")
def export_nano(
    run: Annotated[Path, typer.Option(help="Folder that train-nano wrote.")],
    out: Annotated[Path, typer.Option(help="Folder for the weights, the tokenizer and the model card.")],
    data: Annotated[Path, typer.Option(help="Folder of data sets, to compare int8 with float.")],
    start: Annotated[Path | None, typer.Option(help="The encoder that training started from.")] = None,
) -> None:
    """Write the trained student as int8 ONNX, checked against the float model."""
    with reported():
        from uniner_mcp.distill.nano import run_export

        logging.basicConfig(level=logging.INFO, format="%(message)s")
        run_export(run, out, data, start)


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
    batch: Annotated[
        Path | None, typer.Option(help="Use the Batch API, and keep its state in this folder: half the price.")
    ] = None,
    at_once: Annotated[int, typer.Option(help="Requests at the same time.", min=1)] = 8,
    per_minute: Annotated[float | None, typer.Option(help="Requests per minute at most.", min=0.01)] = None,
) -> None:
    """Let a teacher label passages, in the paper's words; its answers are kept as they are."""
    with reported():
        from uniner_mcp.distill.annotate_command import run_annotation

        done = run_annotation(load_settings(fallback=teacher), passages, out, wording.value, batch, at_once, per_minute)
        typer.echo(f"{done.done} of {done.total} passages are labelled in {out}, {done.failed} failed")
        if done.failed:
            raise UninerError("The same command asks those that failed again.")


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
        from uniner_mcp.distill.conversations_command import write_conversations

        manifest = write_conversations(annotations or [], dataset or [], out, negatives.value, ratio, seed, name_sets)
        for name, value in manifest.items():
            typer.echo(f"{name}: {value}")


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
        from uniner_mcp.distill.student import run_training

        logging.basicConfig(level=logging.INFO, format="%(message)s")
        run_training(
            data,
            base,
            out,
            lora_rank=lora_rank,
            learning_rate=learning_rate,
            epochs=epochs,
            steps=steps,
            batch=batch,
            accumulation=accumulation,
            longest=longest,
            save_steps=save_steps,
            seed=seed,
        )


@distill_app.command("export")
def export(
    run: Annotated[Path, typer.Option(help="Folder that train wrote.")],
    out: Annotated[Path, typer.Option(help="Folder for the merged model, its tokenizer and its profile.")],
    gguf: Annotated[Precision | None, typer.Option(help="Also write a GGUF file there, for llama.cpp.")] = None,
) -> None:
    """Write a trained student as one folder, for `serve --engine vllm --model OUT --profile OUT/profile.toml`."""
    with reported():
        from uniner_mcp.distill.student import run_export

        run_export(run, out, gguf.value if gguf is not None else None)
