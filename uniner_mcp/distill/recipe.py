"""Settings of the stages of the recipe: the tables of a run file, and the options of the commands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, ValidationInfo

from uniner_mcp.errors import SettingsError
from uniner_mcp.files import quoted, read_toml, user_path

Negatives = Literal["none", "uniform", "frequency"]
"""How types that a passage does not have are sampled: not at all, with equal probability, or by their frequency."""
Wording = Literal["type", "definition"]
"""What the teacher returns for each entity: its type, or a sentence that defines the type."""
Device = Literal["auto", "cpu", "cuda"]
"""Where the embedded student is trained; auto: on a CUDA GPU if there is one."""
Precision = Literal["f16", "q8_0"]
"""How the matrices of a GGUF file are stored."""


def _from_file(path: Path, info: ValidationInfo) -> Path:
    """Resolve a path in a run file relative to that file."""
    return info.context["folder"] / user_path(path) if info.context else user_path(path)


def _maybe_path(given: str, info: ValidationInfo) -> str:
    """Resolve a path if it exists; otherwise return the name as it is."""
    path = info.context["folder"] / user_path(given) if info.context else user_path(given)
    return str(path) if path.exists() else given


Located = Annotated[Path, AfterValidator(_from_file)]
NameOrPath = Annotated[str, AfterValidator(_maybe_path)]


class Table(BaseModel):
    """Settings of one stage."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SampleSettings(Table):
    """A random sample of a corpus: at most `number` passages of at most `tokens` word pieces."""

    corpus: list[Located] = Field(min_length=1)
    number: int = Field(default=50_000, ge=1)
    tokens: int = Field(default=256, ge=8)
    field: str = "text"
    language: str | None = None
    seed: int = 0


class AnnotateSettings(Table):
    """Labels from a teacher (a fallback policy). passages: by default from `sample`; batch: use its Batch API."""

    passages: Located | None = None
    teacher: NameOrPath = "teacher-only"
    wording: Wording = "type"
    batch: bool = False
    at_once: int = Field(default=8, ge=1)
    per_minute: float | None = Field(default=None, gt=0)


class ConversationsSettings(Table):
    """Training conversations, by default from the output of `annotate`. sets: folders of annotated sets."""

    annotations: list[Located] = []
    sets: list[Located] = []
    negatives: Negatives = "frequency"
    ratio: float = Field(default=1.0, ge=0)
    seed: int = 0
    name_sets: bool = False


class TrainSettings(Table):
    """How a student is trained. lora_rank: 0 trains all weights; steps: 0 trains for `epochs`.

    Defaults are those of the paper's released script (`src/train/train.sh` of github.com/universal-ner/universal-ner).
    """

    base: NameOrPath
    data: Located | None = None
    learning_rate: float = Field(default=2e-5, gt=0)
    epochs: float = Field(default=3, gt=0)
    steps: int = Field(default=0, ge=0)
    batch: int = Field(default=2, ge=1)
    accumulation: int = Field(default=16, ge=1)
    longest: int = Field(default=1024, ge=16)
    warmup: float = Field(default=0.04, ge=0, le=1)
    lora_rank: int = Field(default=0, ge=0)
    lora_alpha: int = Field(default=16, ge=1)
    lora_dropout: float = Field(default=0.05, ge=0, lt=1)
    save_steps: int = Field(default=100, ge=1)
    seed: int = 3


class ExportSettings(Table):
    """Export of the student as a folder, optionally with a GGUF file."""

    gguf: Precision | None = None


class TrainNanoSettings(Table):
    """Training of the embedded student on annotated sets. start: the encoder, if not bge-small-en-v1.5."""

    data: Located
    start: Located | None = None
    name: str = "nano-student"
    device: Device = "auto"
    steps: int = Field(default=0, ge=0)
    seed: int | None = None


class EvaluateSettings(Table):
    """Evaluation of the student on annotated sets. sets: names, default: all; limit: passages per set."""

    data: Located
    sets: list[str] = []
    split: str = "test"
    limit: int | None = Field(default=None, ge=1)


class Recipe(Table):
    """A run file: the stages that are run, in this order."""

    sample: SampleSettings | None = None
    annotate: AnnotateSettings | None = None
    conversations: ConversationsSettings | None = None
    train: TrainSettings | None = None
    export: ExportSettings | None = None
    train_nano: TrainNanoSettings | None = Field(default=None, alias="train-nano")
    evaluate: EvaluateSettings | None = None


def read_recipe(path: Path) -> Recipe:
    """Read a run file. Raises SettingsError, which names the table and the key."""
    try:
        tables = read_toml(path)
    except FileNotFoundError:
        raise SettingsError(f"The run file {quoted(path)} does not exist.") from None
    recipe = checked(Recipe, tables, f"{path}: ", folder=path.parent)
    if recipe.train is None and recipe.export is not None:
        raise SettingsError(f"{path}: [export] requires a [train] table.")
    if recipe.evaluate is not None and (recipe.export is None) == (recipe.train_nano is None):
        raise SettingsError(f"{path}: [evaluate] requires exactly one of [export] and [train-nano].")
    return recipe


T = TypeVar("T", bound=Table)


def checked(kind: type[T], given: object, where: str = "", *, folder: Path | None = None) -> T:
    """Validate settings. Raises SettingsError, which names the key; paths are relative to `folder`."""
    try:
        return kind.model_validate(given, context={"folder": folder} if folder is not None else None)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        raise SettingsError(f"{where}{'.'.join(map(str, first['loc'])) or 'settings'}: {first['msg']}.") from None
