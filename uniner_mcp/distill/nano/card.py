"""The model card, written from the manifest, the list of training sets, and the measured scores."""

from __future__ import annotations

import tomllib
from pathlib import Path

from uniner_mcp.engines.nano.manifest import FILES, read_manifest, read_scores
from uniner_mcp.types import files

NOTES = Path(__file__).with_name("notes.md")
"""What was tried for the shipped weights; it is part of their card only."""
SHIPPED_NAME = "nano-3"

_CARD = """---
license: apache-2.0
language: en
pipeline_tag: token-classification
---
# {model}: the embedded student of uniner-mcp

This model finds mentions of any entity type in English text, on a CPU. It is a bi-encoder: a fine-tuned encoder (the
first 6 layers of bge-small-en-v1.5, width 384) reads the text once, and a frozen one (all-MiniLM-L6-v2) reads each
type. Every word is scored against every type as start, end and inside of a mention, and pairs of words as the first and
last of one mention, whatever its type; spans are decoded from the scores. Types are scored independently. The text
encoder also gets the letter shape of each word (lower, title, upper, mixed, other) and the white space before it (none,
space, wide, new line, blank line, tab, bullet), because the word pieces contain neither. A mention never crosses a
blank line, a tab or a bullet.

Files: {files} ({megabytes:.1f} MB), and the encoder of types, which all weights share ({types_megabytes:.1f} MB).
Matrix products are int8 (dynamic, with smoothed inputs, so that little accuracy is lost); the embedding tables are int8
per row. Base: {base}.

## Training

`uniner-mcp distill train-nano` and `export-nano` train and export the model; `distill run` does both from a file
(`benchmarks/recipe/nano.toml`).

Configuration: {config}.

The weights are a running mean over the last tenth of the steps so far, at the end of {steps} steps.

The heads are first set to the least-squares map from the starting encoder's words to the vectors of their types. The
loss is binary cross-entropy over start, end and inside, divided by the number of positives, plus that of pairs of
words. Negatives are types that were asked and are absent (`synthetic_open`), and other types of the same set (fully
annotated sets). By the judged relations between types, the annotated mentions are also asked for broader types
(novelist: person) and for types that they cannot be (song: album); elsewhere in the passage nothing is assumed about
these. In some passages a mention is replaced by an enumeration or the lines are wrapped, and lists, tables and forms
are made of mentions of all sets. A quarter of the passages are lowercased. Types are worded as name, synonym, plural,
definition, or name and definition.

{notes}| data set | licence | passages per epoch |
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
"""

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
        config=", ".join(f"{name} {value}" for name, value in training.items() if value),
        sets="\n".join(f"| {name} | {row['licence']} | {row['per_epoch'] or 'all'} |" for name, row in table.items()),
        threshold=manifest.threshold,
        names=" | ".join(names),
        dashes="--:|" * len(names),
        validation="\n".join(
            _row(kind, [scores[name] for name in names]) for kind, scores in manifest.validation.items()
        ),
        notes=NOTES.read_text(encoding="utf-8") + "\n" if manifest.model == SHIPPED_NAME else "",
        types_megabytes=sum((files.MODEL / name).stat().st_size for name in files.FILES) / 1e6,
        scores=_scores(folder),
    )
    (folder / "README.md").write_text(text, encoding="utf-8")


def _row(kind: str, values: list[float]) -> str:
    return f"| {kind} | {' | '.join(f'{value:.1f}' for value in values)} | {sum(values) / len(values):.1f} |"


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
