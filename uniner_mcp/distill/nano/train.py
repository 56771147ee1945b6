"""Train the span student: `uniner-mcp distill train-nano`."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

import numpy as np
import orjson
import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor
from torch.nn import functional
from torch.optim.swa_utils import PARAM_LIST, AveragedModel, get_ema_multi_avg_fn

from uniner_mcp.distill.nano.data import Item, Related, Sampler, Source, load_definitions, load_sources, wordings
from uniner_mcp.distill.nano.model import WIDTH, Encoder, NanoModel, load_bert, sentence_vectors
from uniner_mcp.distill.nano.validation import Scorer, development_sets, f1_of, mean_f1
from uniner_mcp.engines.nano.words import Pieces, load_tokenizer, split_words
from uniner_mcp.formats.documents import Document

logger = logging.getLogger(__name__)

MAX_PIECES = 256
"""Longer training passages are left out (less than 1 % of them)."""


@dataclass(frozen=True)
class TrainConfig:
    """The recipe. It counts steps, not minutes: the same command gives the same run on any machine.

    runs: trainings from the same start, with consecutive seeds; the mean of their weights is exported. steps: number of
    steps per training. average: share of the steps so far that the running mean of a training's weights covers.
    """

    runs: int = 2
    steps: int = 2700
    tokens_per_batch: int = 1024
    learning_rate: float = 2e-4
    head_rate: float = 1e-3
    warmup: float = 0.05
    dropout: float = 0.1
    average: float = 0.1
    seed: int = 13
    validate_every: int = 900


class TypeVectors:
    """Frozen sentence vectors of every wording, computed once."""

    def __init__(self, table: Tensor, encoder: Encoder, tokenizer_path: Path) -> None:
        self._table = table
        self._encoder = encoder.eval()
        self._tokenizer = load_tokenizer(tokenizer_path)
        self._known: dict[str, Tensor] = {}

    def add(self, texts: list[str]) -> None:
        """Compute the vectors of texts not yet known, in batches of similar length."""
        encoded = {text: self._tokenizer.encode(text).ids for text in set(texts) - self._known.keys()}
        ordered = sorted(encoded, key=lambda text: len(encoded[text]))
        for begin in range(0, len(ordered), 128):
            batch = ordered[begin : begin + 128]
            ids = torch.nn.utils.rnn.pad_sequence([torch.tensor(encoded[text]) for text in batch], batch_first=True)
            with torch.inference_mode():
                vectors = sentence_vectors(self._encoder, self._table[ids], (ids != 0).long())
            self._known.update(zip(batch, vectors.clone(), strict=True))

    def __getitem__(self, text: str) -> Tensor:
        """Return the vector of one text."""
        if text not in self._known:
            self.add([text])
        return self._known[text]

    def as_lists(self, names: list[str]) -> dict[str, list[float]]:
        """Return the vectors of several texts as lists of numbers."""
        return {name: self[name].tolist() for name in names}


@dataclass(frozen=True, slots=True)
class Prepared:
    """One passage, prepared for a batch: its pieces, and for each asked type its gold spans in words."""

    pieces: Pieces
    wordings: list[str]
    gold: list[list[tuple[int, int]]]


def prepare(item: Item, pieces: Pieces) -> Prepared:
    """Convert an item's gold mentions to word indices; mentions that do not end at word boundaries are skipped."""
    starts = {start: index for index, (start, _) in enumerate(pieces.spans)}
    ends = {end: index for index, (_, end) in enumerate(pieces.spans)}
    by_type: dict[str, list[tuple[int, int]]] = {}
    for gold in item.example.entities:
        if gold.start in starts and gold.end in ends:
            by_type.setdefault(gold.type, []).append((starts[gold.start], ends[gold.end]))
    return Prepared(pieces, [wording for _, wording in item.types], [by_type.get(name, []) for name, _ in item.types])


@dataclass(frozen=True, slots=True)
class Batch:
    """Padded tensors of several passages; `valid` marks real (word, type) pairs."""

    ids: Tensor
    shapes: Tensor
    mask: Tensor
    pool: Tensor
    sentences: Tensor
    target: Tensor
    valid: Tensor


def collate(rows: list[Prepared], vectors: TypeVectors) -> Batch:
    """Pad passages to the same length, and their types to the same number."""
    count_, tokens = len(rows), max(len(row.pieces.ids) for row in rows)
    words, types = max(len(row.pieces.first) for row in rows), max(len(row.wordings) for row in rows)
    ids = torch.zeros(count_, tokens, dtype=torch.long)
    shapes = torch.zeros(count_, tokens, dtype=torch.long)
    mask = torch.zeros(count_, tokens)
    pool = torch.zeros(count_, words, tokens)
    sentences = torch.zeros(count_, types, WIDTH)
    target = torch.zeros(count_, words, types, 3)
    valid = torch.zeros(count_, words, types)
    for index, row in enumerate(rows):
        length, n_words = len(row.pieces.ids), len(row.pieces.first)
        ids[index, :length] = torch.tensor(row.pieces.ids)
        shapes[index, :length] = torch.tensor(row.pieces.shapes)
        mask[index, :length] = 1
        bounds = [*row.pieces.first, length - 1]
        for word in range(n_words):
            pool[index, word, bounds[word] : bounds[word + 1]] = 1 / (bounds[word + 1] - bounds[word])
        valid[index, :n_words, : len(row.wordings)] = 1
        for number, wording in enumerate(row.wordings):
            sentences[index, number] = vectors[wording]
            for first, last in row.gold[number]:
                target[index, first, number, 0] = 1
                target[index, last, number, 1] = 1
                target[index, first : last + 1, number, 2] = 1
    return Batch(ids, shapes, mask, pool, sentences, target, valid)


def batches(items: list[Item], tokenizer_path: Path, tokens_per_batch: int, seed: str) -> Iterator[list[Prepared]]:
    """Yield batches of passages of similar length, filled to a token budget, in random order."""
    import random

    tokenizer = load_tokenizer(tokenizer_path)
    rows: list[Prepared] = []
    for item in items:
        # A few characters change their length in lower case (İ): a passage that contains one keeps its case.
        text = item.example.text.lower() if item.lowered else item.example.text
        pieces = split_words(tokenizer, text if len(text) == len(item.example.text) else item.example.text)
        if len(pieces.first) > 0 and len(pieces.ids) <= MAX_PIECES:
            rows.append(prepare(item, pieces))
    rows.sort(key=lambda row: len(row.pieces.ids))
    filled: list[list[Prepared]] = [[]]
    for row in rows:
        if filled[-1] and len(row.pieces.ids) * (len(filled[-1]) + 1) > tokens_per_batch:
            filled.append([])
        filled[-1].append(row)
    random.Random(seed).shuffle(filled)
    yield from filled


def loss_of(logits: Tensor, batch: Batch) -> Tensor:
    """Binary cross-entropy over start, end and inside, divided by the number of positives."""
    each = functional.binary_cross_entropy_with_logits(logits, batch.target, reduction="none")
    return (each * batch.valid[..., None]).sum() / batch.target.sum().clamp(min=1)


def scorer_of(model: NanoModel, table: Tensor, vectors: TypeVectors, tokenizer_path: Path) -> Scorer:
    """Return a scorer that runs the float model, for validation."""
    tokenizer = load_tokenizer(tokenizer_path)

    @torch.inference_mode()
    def score(text: str, types: list[str]) -> tuple[list[tuple[int, int]], np.ndarray]:
        pieces = split_words(tokenizer, text)
        row = collate([Prepared(pieces, types, [[] for _ in types])], vectors)
        logits = model(table[row.ids], row.shapes, row.mask, row.pool, row.sentences)
        return pieces.spans, torch.sigmoid(logits[0]).transpose(0, 1).numpy()

    return score


def running_mean(share: float) -> Callable[[PARAM_LIST, PARAM_LIST, Tensor | int], None]:
    """Return an update for a mean that covers the last `share` of all steps, so that early weights do not linger."""

    def update(mean: PARAM_LIST, current: PARAM_LIST, seen: Tensor | int) -> None:
        get_ema_multi_avg_fn(1 - 1 / (1 + share * int(seen)))(mean, current, seen)

    return update


def _save(state: dict[str, object], path: Path) -> None:
    """Write a checkpoint atomically, so that an interrupted write leaves no damaged checkpoint."""
    partial = path.with_suffix(".partial")
    torch.save(state, partial)
    partial.replace(path)


@dataclass(frozen=True)
class Material:
    """What all trainings share: the encoder to start from, the training data, and the validation sets."""

    start: Path
    table: Tensor
    vectors: TypeVectors
    sources: list[Source]
    definitions: dict[str, list[str]]
    related: Related
    sets: dict[str, list[Document]]

    @property
    def tokenizer_path(self) -> Path:
        """The tokenizer of the encoder."""
        return self.start / "tokenizer.json"

    def validated(self, model: NanoModel) -> dict[str, object]:
        """Return the mean F1 of a model, at the threshold where it is highest, and the F1 of each set."""
        by_threshold = f1_of(scorer_of(model, self.table, self.vectors, self.tokenizer_path), self.sets)
        threshold = max(by_threshold, key=lambda tried: mean_f1(by_threshold[tried]))
        f1 = {name: round(value, 1) for name, value in by_threshold[threshold].items()}
        return {"threshold": threshold, "validation_f1": round(mean_f1(by_threshold[threshold]), 2), **f1}


def load_material(data: Path, start: Path) -> Material:
    """Read the sets under `data` and the encoder in folder `start`."""
    table, frozen = load_bert(start)
    vectors = TypeVectors(table, frozen, start / "tokenizer.json")
    sources, definitions = load_sources(data), load_definitions(data)
    names = sorted(
        {name for source in sources for name in source.types}
        | {name for source in sources for example in source.examples for name in example.asked or ()}
    )
    vectors.add([wording for name in names for wording in wordings(name, definitions.get(name, []))])
    sets = development_sets(data, start / "tokenizer.json")
    return Material(start, table, vectors, sources, definitions, Related(vectors.as_lists(names)), sets)


def train(data: Path, start: Path, out: Path, config: TrainConfig) -> None:
    """Train from the encoder in folder `start` on the sets under `data`; write `weights.pt` and a log to `out`.

    After an interruption, the same call resumes after the last finished validation.
    """
    out.mkdir(parents=True, exist_ok=True)
    material = load_material(data, start)
    trained = [_train_once(material, config, seed, out) for seed in range(config.seed, config.seed + config.runs)]
    # From one start, they end in one loss basin: their mean is better than each (model soups, Wortsman et al. 2022).
    weights = {name: sum(one[name] for one in trained) / len(trained) for name in trained[0]}
    if config.runs > 1:
        model = NanoModel(load_bert(start)[1])
        model.load_state_dict(weights)
        _log({"mean_of": config.runs, **material.validated(model.eval())}, out)
    _save({"weights": weights, "config": asdict(config)}, out / "weights.pt")


def _log(row: dict[str, object], out: Path) -> None:
    with (out / "log.jsonl").open("ab") as file:
        file.write(orjson.dumps(row) + b"\n")
    logger.info("%s", row)


def _train_once(material: Material, config: TrainConfig, seed: int, out: Path) -> dict[str, Tensor]:
    """Run one training and return the running mean of its weights."""
    torch.manual_seed(seed)
    model = NanoModel(load_bert(material.start, config.dropout)[1])
    average = AveragedModel(model, multi_avg_fn=running_mean(config.average))
    mean = cast("NanoModel", average.module)
    sampler = Sampler(material.sources, material.definitions, material.related, seed)
    new = ("text.encoder.shape.weight", "text.roles", "types.roles", "scale", "bias")
    slow = [parameter for name, parameter in model.named_parameters() if name not in new]
    fast = [parameter for name, parameter in model.named_parameters() if name in new]
    optimizer = torch.optim.AdamW(
        [{"params": slow, "lr": config.learning_rate}, {"params": fast, "lr": config.head_rate}], weight_decay=0.01
    )
    total = config.steps

    def rate(step: int) -> float:
        warm = max(1, int(total * config.warmup))
        return step / warm if step < warm else max(0.0, (total - step) / max(1, total - warm))

    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, rate)
    kept = {"model": model, "average": average, "optimizer": optimizer, "schedule": schedule}
    step, epoch, done_in_epoch = 0, 0, 0
    checkpoint = out / f"seed-{seed}.pt"
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        for name, part in kept.items():
            part.load_state_dict(state[name])
        step, epoch, done_in_epoch = state["step"], state["epoch"], state["done_in_epoch"]
        logger.info("Seed %d: resuming at step %d of %d.", seed, step, total)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns) as progress:
        task = progress.add_task(f"training, seed {seed}", total=total, completed=step)
        model.train()
        average.eval()
        losses: list[float] = []
        tokens, began = 0, time.monotonic()
        while step < total:
            items = sampler.epoch(epoch)
            drawn = batches(items, material.tokenizer_path, config.tokens_per_batch, f"{seed}-{epoch}")
            for number, rows in enumerate(drawn):
                if number < done_in_epoch:
                    continue
                batch = collate(rows, material.vectors)
                pieces = material.table[batch.ids]
                loss = loss_of(model(pieces, batch.shapes, batch.mask, batch.pool, batch.sentences), batch)
                optimizer.zero_grad(set_to_none=True)
                loss.backward()
                torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                optimizer.step()
                schedule.step()
                average.update_parameters(model)
                step += 1
                done_in_epoch = number + 1
                losses.append(loss.item())
                tokens += int(batch.mask.sum())
                progress.update(task, completed=step)
                if step % config.validate_every == 0 or step == total:
                    row: dict[str, object] = {"seed": seed, "step": step, "of": total, "epoch": epoch}
                    row["loss"] = round(sum(losses) / len(losses), 4)
                    row["tokens_per_second"] = round(tokens / (time.monotonic() - began))
                    _log(row | material.validated(mean), out)
                    done = {"step": step, "epoch": epoch, "done_in_epoch": done_in_epoch}
                    _save({name: part.state_dict() for name, part in kept.items()} | done, checkpoint)
                    losses, tokens, began = [], 0, time.monotonic()
                if step >= total:
                    break
            else:
                epoch, done_in_epoch = epoch + 1, 0
    return mean.state_dict()
