"""Accuracy of a span student on development passages, with scores from torch or from the shipped files."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from statistics import median_low

import numpy as np

from uniner_mcp.engines.nano.spans import Scores, read_spans
from uniner_mcp.evaluate.scoring import Counts, count, normalise
from uniner_mcp.extraction.merging import merge
from uniner_mcp.formats.documents import Document
from uniner_mcp.formats.reading.datasets import DataSet
from uniner_mcp.schema import Entity, Overlap
from uniner_mcp.tokenizer import load_tokenizer

VALIDATION = {
    "synthetic_open": 100,
    "pile_ner_slimer": 89,
    "uner_en_ewt": 100,
    "wikineural_en": 100,
    "wikiann_en": 100,
    "finer_ord": 100,
    "stackoverflow_ner": 150,
    "gum": 100,
    "bionlp13cg": 100,
    "bc2gm": 100,
    "ade_corpus": 100,
    "e3c_en": 60,
    "llm_medical_open": 40,
    "scier": 60,
    "scierc": 60,
    "agriner": 50,
    "menuner": 60,
}
"""Development passages per set. One set is trained on, the others are not; none is in the zero-shot benchmark."""
TRAINED_ON = "synthetic_open"
MAX_PIECES = 512
"""Number of positions of the encoder."""
THRESHOLDS = (0.02, 0.03, 0.04, 0.05, 0.06, 0.08, 0.1, 0.125, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5)
Scorer = Callable[[str, list[str]], Scores]
"""Scores the words of a text for types."""


def development_sets(data: Path, tokenizer_path: Path) -> dict[str, list[Document]]:
    """Read the VALIDATION sets that are in `data`, without passages that are too long for the encoder."""
    tokenizer = load_tokenizer(tokenizer_path)
    sets: dict[str, list[Document]] = {}
    for name, size in VALIDATION.items():
        if (data / name).is_dir():
            examples = DataSet(name, data / name).split("dev")
            sets[name] = [one for one in examples if len(tokenizer.encode(one.text).ids) <= MAX_PIECES][:size]
    return sets


def asked_of(examples: Iterable[Document]) -> list[tuple[Document, list[str]]]:
    """Return each passage with the types to ask for: those annotated in it, or all types of the set."""
    listed = list(examples)
    every = sorted({gold.type for example in listed for gold in example.entities})
    return [(example, sorted(set(example.asked)) if example.asked else every) for example in listed]


def entities_at(
    threshold: float, text: str, types: list[str], scores: Scores, overlap: Overlap = "flat"
) -> list[Entity]:
    """Return the mentions of all types at a threshold."""
    entities: list[Entity] = []
    for number, name in enumerate(types):
        for first, last, sure in read_spans(scores, number, threshold):
            start, end = scores.words[first][0], scores.words[last][1]
            entities.append(Entity(text=text[start:end], type=name, start=start, end=end, confidence=sure))
    return merge(entities, overlap)


def f1_of(
    scorer: Scorer, sets: dict[str, list[Document]], thresholds: Iterable[float] = THRESHOLDS
) -> dict[float, dict[str, float]]:
    """Return the F1 in percent (the paper's score) of each set, by threshold."""
    tried = list(thresholds)
    totals = {threshold: dict.fromkeys(sets, Counts()) for threshold in tried}
    for name, examples in sets.items():
        for example, types in asked_of(examples):
            scores = scorer(example.text, types)
            for threshold in tried:
                entities = entities_at(threshold, example.text, types, scores)
                for kind in types:
                    gold = [one.text for one in example.entities if one.type == kind]
                    found = [one.text for one in entities if one.type == kind]
                    totals[threshold][name] += count(gold, found)
    return {threshold: {name: 100 * one.f1 for name, one in total.items()} for threshold, total in totals.items()}


def calibration_of(scorer: Scorer, sets: dict[str, list[Document]], threshold: float) -> tuple[float, float]:
    """Fit slope and shift that map scores to the share of right mentions, with equal weight per set (Platt scaling)."""
    rows: list[tuple[float, float, float]] = []
    for name in unseen(sets):
        examples = sets[name]
        found: list[tuple[float, float]] = []
        for example, types in asked_of(examples):
            scores = scorer(example.text, types)
            gold = {(one.type, normalise(one.text)) for one in example.entities}
            for one in entities_at(threshold, example.text, types, scores):
                found.append((one.confidence or 0.0, float((one.type, normalise(one.text)) in gold)))
        rows += [(score, right, 1 / len(found)) for score, right in found]
    score, right, weight = np.asarray(rows, dtype=np.float64).reshape(-1, 3).T
    inner = score.clip(1e-6, 1 - 1e-6)
    given = np.stack([np.log(inner / (1 - inner)), np.ones_like(inner)])
    fitted = np.asarray([1.0, 0.0])
    for _ in range(50):
        probable = 1 / (1 + np.exp(-(fitted @ given)))
        # A slight pull towards the identity: without it, a few mentions that are all right have no optimum.
        pull = 1e-3 * (fitted - [1.0, 0.0])
        curvature = (given * (weight * probable * (1 - probable))) @ given.T + 1e-3 * np.eye(2)
        fitted = fitted - np.linalg.solve(curvature, given @ (weight * (probable - right)) + pull)
    return float(fitted[0]), float(fitted[1])


def unseen(names: Collection[str]) -> list[str]:
    """Return the sets that were not trained on; all sets if there are no others."""
    return [name for name in names if name != TRAINED_ON] or list(names)


def mean_f1(f1: dict[str, float]) -> float:
    """Return the mean over the unseen sets."""
    return float(np.mean([f1[name] for name in unseen(f1)]))


def best_threshold(by_threshold: dict[float, dict[str, float]]) -> float:
    """Return the median of the best thresholds of the unseen sets, so that one set of odd types does not decide."""
    names = unseen(next(iter(by_threshold.values())))
    return median_low(max(by_threshold, key=lambda threshold: by_threshold[threshold][name]) for name in names)
