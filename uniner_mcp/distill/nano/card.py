"""The model card, written from the manifest, the list of training sets, and the measured scores."""

from __future__ import annotations

import tomllib
from pathlib import Path

from pydantic import BaseModel

from uniner_mcp.engines.nano.manifest import FILES, read_manifest, read_scores

ABLATION = Path(__file__).with_name("ablation.json")
"""Results of short trainings with one choice changed each, written by benchmarks/nano_ablation.py."""

_CARD = """---
license: apache-2.0
language: en
pipeline_tag: token-classification
---
# {model}: the embedded student of uniner-mcp

This model finds mentions of any entity type in English text, on a CPU. It is a bi-encoder: a fine-tuned MiniLM-L6 (6
layers, width 384) reads the text once, and a frozen copy of the original encoder reads each type. Every word is
scored against every type as start, end and inside of a mention, and spans are decoded from the scores. Types are
scored independently. Both encoders share frozen word-piece embeddings; the text encoder adds a learnt embedding of
letter shape (lower, title, upper, mixed, other), because the pieces themselves are lowercased.

Files: {files} ({megabytes:.1f} MB).
Matrix products are int8 (dynamic, with smoothed inputs, so that little accuracy is lost); the embedding table is int8
per row. Base: {base}.

## Training

`uniner-mcp distill run benchmarks/recipe/nano.toml --out RUN` trains, exports and evaluates the model.

Configuration: {config}.

The shipped weights are the mean of {runs} trainings of {steps} steps from the same start; each training contributes a
running mean of its weights.

The loss is binary cross-entropy over start, end and inside, divided by the number of positives. Negatives are types
that were asked and are absent (`synthetic_open`), other types of the same set (fully annotated sets), and types of
other passages, sampled by frequency, if they are unrelated in meaning (cosine under 0.4) and have no known mention in
the passage; there are up to 40 types per passage. A quarter of the passages are lowercased. Types are worded as name,
plural, definition, or name and definition.

Changes since the first generation: twice as many types per passage, more of them from other passages; averaged
weights; half as many passages from narrow sets; threshold and confidence fitted on many sets; inputs smoothed before
int8.

{ablation}

Also tried, without a clear gain: batches twice as large; bias and scale of a type learnt from its vector; the mean of
a type's name and plural; other ways to decode spans from the scores; thresholds that depend on how similar a type is
to the training types, or on the best score in the passage.

Starting points compared for the first generation (150 steps of 2,048 tokens each, mean F1 on its development
passages): all-MiniLM-L6-v2 32.5 at learning rate 1e-4 and 36.5 at 2e-4; paraphrase-MiniLM-L3-v2 21.2 at 1e-4, at
twice the speed. Other small encoders (such as bge-small) were not available as packages that contain their weights.

| data set | licence | passages per epoch |
|---|---|--:|
{sets}

Sets that are non-commercial, share-alike, GPL, or of unknown licence were left out. `crossner_*` and `mit_*` were
used neither for training nor for any choice.

## Scores

F1 in percent on development passages (the paper's score, see below), without overlap; only `synthetic_open` is in the
training data. The span threshold {threshold} is the median of the best thresholds of the other sets
(`benchmarks/nano_thresholds.py` has the means). Confidence is calibrated on the same sets: it is the share of
mentions with such a score that are right, with equal weight per set (`benchmarks/calibration.py` measures it on test
passages, and on sets that were not used for calibration).

| | {names} | mean |
|---|{dashes}--:|
{validation}

{scores}

## Limits

English only. The model understands a type from its words: a name that says little ("field", "task", "character")
works badly, and a definition sometimes helps. Passages are read about 160 words at a time. Spans end at word
boundaries. Facts in the training passages may be invented; the model knows no facts.

Errors on development passages (`benchmarks/nano_errors.py`; all are in benchmarks/README.md): if types that are close
in meaning are asked together, one takes the other's mentions (condition and disease, crop and fruit, gene and
chemical). Abstract types and types of whole clauses are mostly missed ("clinical event", "abstract concept",
"method"), and so are pronouns and common nouns where a set counts them. Lowercase text costs up to four points.

Confidence is calibrated over many sets. Its expected calibration error was 0.03 on test passages of the sets whose
development passages it was fitted on, and 0.08 on ten other sets, where high confidences are too optimistic
(`benchmarks/calibration.py`). On those ten sets, a `min_confidence` of 0.3 raised precision from 42 to 47 and left F1
at 43.
"""

_ABLATION = """\
Effect of each choice, in single short trainings ({steps} steps) that differ in it alone: mean F1 on the development
passages of sets not trained on, at the threshold where it is highest (`benchmarks/nano_ablation.py`, {measured}). The
second seed shows how little one point means, and short trainings show what is learnt quickly, not what lasts. Only two
differences stand out: focal loss is worse, and training without types of other passages is better. A full training
without them has not been tried yet.

| | F1 | difference from the recipe | threshold | synthetic_open |
|---|--:|--:|--:|--:|
{rows}"""

_SCORES = """\
F1 in percent on test passages, over normalised strings per type (the evaluation of UniversalNER), through the extractor
as users call it, with `overlap="flat"` and without types such as "miscellaneous". Measured {measured}.

| data set | F1 | 95 % interval | precision | recall | passages |
|---|--:|--:|--:|--:|--:|
{rows}"""


def write_card(folder: Path) -> None:
    """Write `README.md` to a folder of nano weights."""
    manifest = read_manifest(folder)
    training = dict(manifest.training)
    table = tomllib.loads(Path(__file__).with_name("sets.toml").read_text(encoding="utf-8"))
    names = sorted({name for scores in manifest.validation.values() for name in scores})
    text = _CARD.format(
        model=manifest.model,
        base=manifest.base,
        files=", ".join(f"`{name}`" for name in FILES),
        megabytes=sum((folder / name).stat().st_size for name in FILES) / 1e6,
        steps=training.pop("steps", "?"),
        runs=training.pop("runs", "?"),
        config=", ".join(f"{name} {value}" for name, value in training.items() if value),
        sets="\n".join(f"| {name} | {row['licence']} | {row['per_epoch'] or 'all'} |" for name, row in table.items()),
        threshold=manifest.threshold,
        names=" | ".join(names),
        dashes="--:|" * len(names),
        validation="\n".join(
            _row(kind, [scores[name] for name in names]) for kind, scores in manifest.validation.items()
        ),
        ablation=_ablation(),
        scores=_scores(folder),
    )
    (folder / "README.md").write_text(text, encoding="utf-8")


def _row(kind: str, values: list[float]) -> str:
    return f"| {kind} | {' | '.join(f'{value:.1f}' for value in values)} | {sum(values) / len(values):.1f} |"


class _Trained(BaseModel):
    """F1 in percent of a short training: the mean over sets it was not trained on, and the F1 on synthetic_open."""

    f1: float
    threshold: float
    trained: float


class _Ablation(BaseModel):
    """Contents of ablation.json: the variants, the recipe first."""

    measured: str
    steps: int
    variants: dict[str, _Trained]


def _ablation() -> str:
    found = _Ablation.model_validate_json(ABLATION.read_bytes())
    recipe = next(iter(found.variants.values())).f1
    rows = "\n".join(
        f"| {name} | {one.f1:.1f} | {one.f1 - recipe:+.1f} | {one.threshold:.2f} | {one.trained:.1f} |"
        for name, one in found.variants.items()
    )
    return _ABLATION.format(steps=found.steps, measured=found.measured, rows=rows)


def _scores(folder: Path) -> str:
    scores = read_scores(folder)
    if scores is None:
        return "Test passages: not measured yet (run `python benchmarks/accuracy.py --data DATA --write`)."
    rows = "\n".join(
        f"| {name} | {row['f1']:.1f} | {row['low']:.1f} to {row['high']:.1f} | {row['precision']:.1f} "
        f"| {row['recall']:.1f} | {row['passages']:.0f} |"
        for name, row in scores.sets.items()
    )
    return _SCORES.format(measured=scores.measured, rows=rows)
