"""`uniner-mcp distill …`: the stages of the recipe, one at a time or as a whole run."""

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
    help="Train students: sample and annotate passages, build conversations, train and export.", no_args_is_help=True
)


NOT_ALL = "Some passages were not labelled. Run the same command again to retry them."


def _perform(stage: Stage) -> bool:
    """Run a stage and print how it ended; return False if something is still missing."""
    from uniner_mcp.distill.stages import perform

    outcome = perform(stage)
    if outcome.aside is not None:
        typer.echo(f"{stage.out} was written with other settings or data; it was moved to {outcome.aside}")
    if outcome.skipped:
        typer.echo(f"{stage.name}: {stage.out} is up to date")
    else:
        typer.echo(f"{stage.name}: {stage.out} is {'complete' if outcome.manifest.finished else 'incomplete'}")
        for name, value in outcome.manifest.counts.items():
            typer.echo(f"  {name}: {value}")
    return outcome.manifest.finished is not None


@distill_app.command("run")
def run(
    recipe: Annotated[
        Path, typer.Argument(help="Run file (TOML) with a table per stage; see the documentation on the recipe.")
    ],
    out: Annotated[Path, typer.Option(help="Folder of the run; stages that are up to date in it are skipped.")],
) -> None:
    """Run all stages of a run file, each with the output of the one before."""
    with reported():
        from uniner_mcp.distill.recipe import read_recipe
        from uniner_mcp.distill.run import stages

        logging.basicConfig(level=logging.INFO, format="%(message)s")
        for stage in stages(read_recipe(recipe), out):
            if not _perform(stage):
                raise UninerError(NOT_ALL)


class Device(StrEnum):
    """Where the embedded student is trained."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


@distill_app.command("train-nano")
def train_nano(
    data: Annotated[Path, typer.Option(help="Folder of data sets, one folder per set.")],
    out: Annotated[Path, typer.Option(help="Folder for checkpoint and log; run the same command again to resume.")],
    start: Annotated[Path | None, typer.Option(help="Encoder to start from; default: bge-small-en-v1.5.")] = None,
    name: Annotated[str, typer.Option(help="Name of the trained model.")] = "nano-student",
    steps: Annotated[int, typer.Option(help="Train for this many steps; 0: the full recipe.", min=0)] = 0,
    seed: Annotated[int | None, typer.Option(help="Random seed.")] = None,
    device: Annotated[Device, typer.Option(help="Where to train; auto: on a CUDA GPU if there is one.")] = Device.AUTO,
) -> None:
    """Train the embedded student on annotated sets (about an hour on two cores)."""
    with reported():
        from uniner_mcp.distill.nano.stages import train_nano_stage
        from uniner_mcp.distill.recipe import TrainNanoSettings

        logging.basicConfig(level=logging.INFO, format="%(message)s")
        settings = TrainNanoSettings(data=data, start=start, name=name, steps=steps, seed=seed, device=device.value)
        _perform(train_nano_stage(settings, out))


@distill_app.command("train-types")
def train_types(
    data: Annotated[Path, typer.Option(help="Folder of data sets, at least synthetic_open.")],
    out: Annotated[Path, typer.Option(help="Folder for the encoder of types and the relations read from it.")],
) -> None:
    """Export the encoder of types, and train how types are related, with a report on types not trained on."""
    with reported():
        from uniner_mcp.distill.types.stages import train_types_stage

        logging.basicConfig(level=logging.INFO, format="%(message)s")
        _perform(train_types_stage(data, out))


@distill_app.command("export-nano")
def export_nano(
    run: Annotated[Path, typer.Option(help="Output folder of train-nano.")],
    out: Annotated[Path, typer.Option(help="Folder for the weights, the tokenizer and the model card.")],
    data: Annotated[Path, typer.Option(help="Folder of data sets, used to compare int8 with float.")],
    start: Annotated[
        Path | None, typer.Option(help="Encoder that training started from; default: bge-small-en-v1.5.")
    ] = None,
) -> None:
    """Export the trained student as int8 ONNX, checked against the float model."""
    with reported():
        from uniner_mcp.distill.nano.stages import export_nano_stage

        logging.basicConfig(level=logging.INFO, format="%(message)s")
        _perform(export_nano_stage(run, out, data, start))


@distill_app.command("sample")
def sample(
    corpus: Annotated[list[Path], typer.Option(help="File or folder of .jsonl, .txt or .parquet files; repeatable.")],
    out: Annotated[Path, typer.Option(help="Output file of passages (JSON Lines).")],
    number: Annotated[int, typer.Option(help="Maximum number of passages.", min=1)] = 50_000,
    tokens: Annotated[int, typer.Option(help="Maximum length of a passage, in word pieces.", min=8)] = 256,
    field: Annotated[str, typer.Option(help="Field that contains the text, in JSON Lines and Parquet.")] = "text",
    language: Annotated[str | None, typer.Option(help="Sample only passages in this language, such as en.")] = None,
    seed: Annotated[int, typer.Option(help="Random seed.")] = 0,
) -> None:
    """Sample passages at random from a corpus of any size, without duplicates."""
    with reported():
        from uniner_mcp.distill.dataset.sample_stage import sample_stage
        from uniner_mcp.distill.recipe import SampleSettings

        settings = SampleSettings(
            corpus=corpus, number=number, tokens=tokens, field=field, language=language, seed=seed
        )
        _perform(sample_stage(settings, out))


class Wording(StrEnum):
    """What the teacher returns for each entity."""

    TYPE = "type"
    DEFINITION = "definition"


@distill_app.command("annotate")
def annotate(
    passages: Annotated[Path, typer.Option(help='Passages to label: JSON Lines with "id" and "text".')],
    out: Annotated[Path, typer.Option(help="Output file of annotations; run the same command again to resume.")],
    teacher: Annotated[
        str, typer.Option(help="Fallback policy with the teacher, prices and budgets to use: a name or a TOML file.")
    ] = "teacher-only",
    wording: Annotated[Wording, typer.Option(help="Whether the teacher names types or defines them.")] = Wording.TYPE,
    batch: Annotated[
        bool, typer.Option("--batch", help="Use the Batch API: half the price, replies within a day.")
    ] = False,
    at_once: Annotated[int, typer.Option(help="Maximum number of concurrent requests.", min=1)] = 8,
    per_minute: Annotated[float | None, typer.Option(help="Maximum number of requests per minute.", min=0.01)] = None,
) -> None:
    """Label passages with a teacher, using the paper's prompts; its replies are stored unchanged."""
    with reported():
        from uniner_mcp.distill.dataset.annotate_stage import annotate_stage
        from uniner_mcp.distill.recipe import AnnotateSettings

        settings = AnnotateSettings(
            teacher=teacher, wording=wording.value, batch=batch, at_once=at_once, per_minute=per_minute
        )
        if not _perform(annotate_stage(settings, passages, out)):
            raise UninerError(NOT_ALL)


class Negatives(StrEnum):
    """How types that a passage does not have are sampled."""

    NONE = "none"
    UNIFORM = "uniform"
    FREQUENCY = "frequency"


@distill_app.command("conversations")
def conversations(
    out: Annotated[Path, typer.Option(help="Output file of conversations; a manifest is written beside it.")],
    annotations: Annotated[list[Path] | None, typer.Option(help="Output file of annotate; repeatable.")] = None,
    dataset: Annotated[
        list[Path] | None, typer.Option("--set", help="Folder of an annotated set, for its training split; repeatable.")
    ] = None,
    negatives: Annotated[Negatives, typer.Option(help="How negatives are sampled.")] = Negatives.FREQUENCY,
    ratio: Annotated[float, typer.Option(help="Negatives (absent types) per type that a passage has.", min=0)] = 1.0,
    seed: Annotated[int, typer.Option(help="Random seed.")] = 0,
    name_sets: Annotated[
        bool, typer.Option(help="Put the name of the set before the text, as in supervised training.")
    ] = False,
) -> None:
    """Turn annotations into training conversations, with negative samples."""
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
    data: Annotated[Path, typer.Option(help="Conversations: JSON Lines in the reference implementation's format.")],
    base: Annotated[str, typer.Option(help="Llama-class model to start from: a folder or a Hugging Face id.")],
    out: Annotated[Path, typer.Option(help="Folder for checkpoints and log; run the same command again to resume.")],
    lora_rank: Annotated[
        int | None, typer.Option(help="Train a LoRA of this rank; 0: train all weights.", min=0)
    ] = None,
    lora_dropout: Annotated[float | None, typer.Option(help="Dropout of the LoRA; 0 is faster.", min=0)] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Peak learning rate.")] = None,
    epochs: Annotated[float | None, typer.Option(help="Number of passes over the data.")] = None,
    steps: Annotated[int | None, typer.Option(help="Train for this many steps instead of epochs.")] = None,
    batch: Annotated[int | None, typer.Option(help="Batch size per device, in conversations.")] = None,
    accumulation: Annotated[
        int | None, typer.Option(help="Batches whose gradients are accumulated in one step.")
    ] = None,
    longest: Annotated[int | None, typer.Option(help="Maximum sequence length, in tokens.")] = None,
    save_steps: Annotated[int | None, typer.Option(help="Steps between checkpoints.")] = None,
    seed: Annotated[int | None, typer.Option(help="Random seed.")] = None,
) -> None:
    """Train a causal student on conversations, by default as in the paper; use `accelerate launch` for several GPUs."""
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
    run: Annotated[Path, typer.Option(help="Output folder of train.")],
    out: Annotated[Path, typer.Option(help="Folder for the merged model, its tokenizer and its profile.")],
    gguf: Annotated[
        Precision | None, typer.Option(help="Also write a GGUF file for llama.cpp to the output folder.")
    ] = None,
) -> None:
    """Export a trained student as one folder, for `serve --engine vllm --model OUT --profile OUT/profile.toml`."""
    with reported():
        from uniner_mcp.distill.recipe import ExportSettings
        from uniner_mcp.distill.student.stages import export_stage

        settings = ExportSettings(gguf=gguf.value if gguf is not None else None)
        _perform(export_stage(settings, run, out))
