"""The model card, written from the manifest, the list of training sets, and the measured scores."""

from __future__ import annotations

import tomllib
from pathlib import Path

from pydantic import BaseModel

from uniner_mcp.engines.nano.manifest import FILES, read_manifest, read_scores

ABLATION = Path(__file__).with_name("ablation.json")
"""What short trainings with one choice changed gave, written by benchmarks/nano_ablation.py."""

_CARD = """---
license: apache-2.0
language: en
pipeline_tag: token-classification
---
# {model}: the embedded student of uniner-mcp

Finds mentions of any entity type in English text on a CPU. A bi-encoder: the text is read once by a tuned MiniLM-L6
(6 layers, width 384), each type by the same encoder, frozen; every word is scored against every type as start, end and
inside of a mention, and spans are read off the scores. Types are independent of each other. Word-piece embeddings are
frozen and shared by both encoders; a learnt embedding of letter shape (lower, title, upper, mixed, other) is added to
them in the text encoder, since the pieces themselves are lower-cased.

Files: {files} ({megabytes:.1f} MB).
Matrix products int8 (dynamic; inputs evened out, so that little is lost), embedding table int8 by row. Base: {base}.

## Training

`uniner-mcp distill run benchmarks/recipe/nano.toml --out RUN` trains, exports and measures. Configuration: {config}.
Shipped is the mean of the weights of {runs} trainings of {steps} steps from the same start, each a running mean itself.

Loss: binary cross-entropy over start, end and inside, divided by the positives. Negatives: types asked and absent
(`synthetic_open`), types of the same set (fully annotated sets), types of other passages drawn by frequency where
unrelated in meaning (cosine under 0.4) and without a known mention in the passage; up to 40 types a passage. A quarter
of the passages is in lower case; types are worded as name, plural, definition, or name and definition.

Against the first generation: twice as many types a passage, more of them from other passages; the means of weights;
half as many passages of the narrow sets; threshold and confidence fitted on many sets; inputs evened out before int8.

{ablation}

Tried as well, without a clear gain: batches twice as large; bias and scale of a type learnt from its vector; the mean
of a type's name and plural; other ways to read spans off the scores; thresholds that depend on how near a type is to
those of training, or on the best score in the passage.

Starting points compared for the first generation (150 steps of 2,048 tokens each, mean F1 of its development passages):
all-MiniLM-L6-v2 32.5 at learning rate 1e-4 and 36.5 at 2e-4; paraphrase-MiniLM-L3-v2 21.2 at 1e-4, at twice the speed.
Other small encoders (bge-small and the like) were not available as packages that carry their weights.

| data set | licence | passages an epoch |
|---|---|--:|
{sets}

Left out: everything non-commercial, share-alike, GPL, or of unknown licence. `crossner_*` and `mit_*` were used neither
for training nor for any choice.

## Scores

Development passages, F1 in percent (paper's score, see below), without overlap; only `synthetic_open` is trained on.
The span threshold {threshold} is the median of those that are best for each of the others
(`benchmarks/nano_thresholds.py` has the means), and on them confidence was calibrated: it is the share of mentions with
such a score that are right, each set weighing the same (`benchmarks/calibration.py` measures it on test passages and on
sets that had no part in it).

| | {names} | mean |
|---|{dashes}--:|
{validation}

{scores}

## Limits

English. Types are understood from their words: a name that says little ("field", "task", "character") is understood
badly, a definition helps at times. Passages are read about 160 words at a time. Spans end at word boundaries. Facts in
the training passages may be invented; the model knows no facts.

Errors on development passages (`benchmarks/nano_errors.py`, all in benchmarks/README.md): of types near in meaning that
are asked together one takes the other's mentions (condition and disease, crop and fruit, gene and chemical); abstract
types and those of whole clauses are mostly missed ("clinical event", "abstract concept", "method"), and so are pronouns
and common nouns where a set counts them; text in lower case costs up to four points.

Confidence is calibrated over many sets. Its expected error was 0.03 on test passages of the sets on whose development
passages it was fitted, and 0.08 on ten sets that had no part in it, where high confidences promise too much
(`benchmarks/calibration.py`). There, `min_confidence` of 0.3 raised precision from 42 to 47 and left F1 at 43.
"""

_ABLATION = """What each choice gives, in single short trainings ({steps} steps) that differ in it alone: mean F1 of the
development passages of sets not trained on, at the threshold where it is highest (`benchmarks/nano_ablation.py`,
{measured}). The second seed shows how little a point means, and short trainings show what is learnt quickly, not what
lasts. Only two stand out: the focal loss is worse, and no types of other passages better; a whole training without
them is still to be tried.

| | F1 | less the recipe | threshold | synthetic_open |
|---|--:|--:|--:|--:|
{rows}"""

_SCORES = """Test passages, F1 in percent of normalised strings per type (the evaluation of UniversalNER), through the
extractor as users call it, `overlap="flat"`, types such as "miscellaneous" left out. Measured {measured}.

| data set | F1 | 95 % interval | precision | recall | passages |
|---|--:|--:|--:|--:|--:|
{rows}"""


def write_card(folder: Path) -> None:
    """Write `README.md` into a folder of nano weights."""
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
    """F1 in percent of a short training: mean over sets it was not trained on, and of synthetic_open."""

    f1: float
    threshold: float
    trained: float


class _Ablation(BaseModel):
    """ablation.json: the variants, the recipe first."""

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
        return "Test passages: not measured yet (`python benchmarks/accuracy.py --data DATA --write`)."
    rows = "\n".join(
        f"| {name} | {row['f1']:.1f} | {row['low']:.1f} to {row['high']:.1f} | {row['precision']:.1f} "
        f"| {row['recall']:.1f} | {row['passages']:.0f} |"
        for name, row in scores.sets.items()
    )
    return _SCORES.format(measured=scores.measured, rows=rows)
