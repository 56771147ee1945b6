"""Train the span student: `uniner-mcp distill train-nano`."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import cast

import numpy as np
import orjson
import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor
from torch.nn import functional
from torch.optim.swa_utils import PARAM_LIST, AveragedModel, get_ema_multi_avg_fn

from uniner_mcp.distill.nano.batching import Batch, Prepared, TypeVectors, batches, collate
from uniner_mcp.distill.nano.data import Related, Sampler, Source, load_definitions, load_sources
from uniner_mcp.distill.nano.model import ROLES, WIDTH, NanoModel, load_bert
from uniner_mcp.distill.nano.names import wordings
from uniner_mcp.distill.nano.validation import Scorer, development_sets, f1_of, mean_f1
from uniner_mcp.engines.nano.spans import Scores, no_scores
from uniner_mcp.engines.nano.words import split_words
from uniner_mcp.formats.documents import Document
from uniner_mcp.tokenizer import load_tokenizer
from uniner_mcp.types.known import Known, read_relations

logger = logging.getLogger(__name__)

LINK_WEIGHT = 0.3
"""Weight of the loss of pairs of words."""
ALIGNED_ON = 120
"""Number of batches, at most one per step, on which the heads are aligned with the types before training."""


@dataclass(frozen=True)
class TrainConfig:
    """The recipe. It counts steps, not minutes, so a run does not depend on how fast a machine is.

    steps: number of steps. average: share of the steps so far that the running mean of the weights covers. device:
    where to train; auto: on a CUDA GPU if there is one.
    """

    steps: int = 2400
    tokens_per_batch: int = 1024
    learning_rate: float = 2e-4
    head_rate: float = 1e-3
    warmup: float = 0.05
    dropout: float = 0.1
    average: float = 0.1
    seed: int = 13
    validate_every: int = 600
    device: str = "auto"


def logits_of(model: NanoModel, table: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
    """Run the model on a batch; in bf16 on a GPU."""
    with torch.autocast("cuda", torch.bfloat16, enabled=table.device.type == "cuda"):
        return model(table[batch.ids], batch.shapes, batch.gaps, batch.mask, batch.pool, batch.sentences)


def loss_of(logits: tuple[Tensor, Tensor], batch: Batch) -> Tensor:
    """Binary cross-entropy of words, divided by the number of positives, plus that of pairs of words."""
    words, link = logits[0].float(), logits[1].float()
    each = functional.binary_cross_entropy_with_logits(words, batch.target, reduction="none")
    pairs = functional.binary_cross_entropy_with_logits(link, batch.link, reduction="none")
    of_words = (each * batch.valid[..., None]).sum() / (batch.target * batch.valid[..., None]).sum().clamp(min=1)
    return of_words + LINK_WEIGHT * (pairs * batch.link_valid).sum() / batch.link.sum().clamp(min=1)


def scorer_of(model: NanoModel, table: Tensor, vectors: TypeVectors, tokenizer_path: Path) -> Scorer:
    """Return a scorer that runs the float model, for validation."""
    tokenizer = load_tokenizer(tokenizer_path)

    @torch.inference_mode()
    def score(text: str, types: list[str]) -> Scores:
        pieces = split_words(tokenizer, text)
        if not pieces.first:
            return no_scores(pieces, len(types))
        asked = Prepared(pieces, [], types, [[] for _ in types], [True for _ in types])
        row = collate([asked], vectors, str(table.device))
        words, link = (one[0].float().sigmoid().cpu() for one in logits_of(model, table, row))
        return Scores(pieces.spans, words.transpose(0, 1).numpy(), link.numpy(), np.asarray(pieces.breaks))

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
    known: Known
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


def load_material(data: Path, start: Path, types: Path, device: str = "cpu") -> Material:
    """Read the sets under `data`, the encoder of texts to start from, and the frozen encoder of types."""
    type_table, frozen = load_bert(types)
    vectors = TypeVectors(type_table, frozen, types / "tokenizer.json")
    sources, definitions, known = load_sources(data), load_definitions(data), Known(read_relations())
    names = sorted(
        {name for source in sources for name in source.types}
        | {name for source in sources for example in source.examples for name in example.asked or ()}
        | known.names
    )
    vectors.add([wording for name in names for wording in wordings(name, definitions.get(name, []))])
    sets = development_sets(data, start / "tokenizer.json")
    return Material(
        start,
        load_bert(start)[0].to(device),
        vectors,
        sources,
        definitions,
        Related(vectors.as_lists(names)),
        known,
        sets,
    )


@torch.inference_mode()
def align(model: NanoModel, material: Material, sampler: Sampler, config: TrainConfig) -> None:
    """Set the heads to the least-squares map from the starting encoder's words to the vectors of their types.

    The two encoders' spaces have nothing in common, so training would first spend its steps on finding this map.
    """
    model.eval()
    squares = 30 * torch.eye(WIDTH, device=material.table.device).repeat(ROLES, 1, 1)
    products = torch.zeros_like(squares)
    drawn = batches(sampler.epoch(0), material.tokenizer_path, config.tokens_per_batch, "align")
    device = str(material.table.device)
    for batch in (collate(rows, material.vectors, device) for rows in islice(drawn, min(ALIGNED_ON, config.steps))):
        hidden = model.text.encoder(material.table[batch.ids], batch.shapes, batch.gaps, batch.mask)
        words = 4 * functional.normalize(torch.bmm(batch.pool, hidden), dim=-1)
        real = batch.pool.sum(-1) > 0
        for role in range(ROLES):
            positive = batch.target[..., role]
            number = positive.sum(-1)
            wanted = torch.einsum("bwk,bkd->bwd", positive, batch.sentences) / number.clamp(min=1)[..., None]
            weight = real * torch.where(number > 0, 1.0, 0.1)
            squares[role] += torch.einsum("bw,bwd,bwe->de", weight, words, words)
            products[role] += torch.einsum("bw,bwd,bwe->de", weight, words, wanted)
    maps = torch.linalg.solve(squares, products)
    model.text.heads.weight[: ROLES * WIDTH] = maps.transpose(1, 2).reshape(ROLES * WIDTH, WIDTH)
    model.train()


def train(data: Path, start: Path, types: Path, out: Path, config: TrainConfig, name: str) -> None:
    """Train from the encoder in folder `start` on the sets under `data`; write `weights.pt` and a log to `out`.

    After an interruption, the same call resumes after the last finished validation.
    """
    out.mkdir(parents=True, exist_ok=True)
    device = "cuda" if config.device == "auto" and torch.cuda.is_available() else config.device.replace("auto", "cpu")
    weights = _train(load_material(data, start, types, device), config, out)
    weights = {part: value.cpu() for part, value in weights.items()}
    _save({"weights": weights, "config": asdict(config), "name": name}, out / "weights.pt")


def _log(row: dict[str, object], out: Path) -> None:
    with (out / "log.jsonl").open("ab") as file:
        file.write(orjson.dumps(row) + b"\n")
    logger.info("%s", row)


def _train(material: Material, config: TrainConfig, out: Path) -> dict[str, Tensor]:
    """Train and return the running mean of the weights."""
    seed = config.seed
    torch.manual_seed(seed)
    device = str(material.table.device)
    model = NanoModel(load_bert(material.start, config.dropout)[1]).to(device)
    average = AveragedModel(model, multi_avg_fn=running_mean(config.average))
    mean = cast("NanoModel", average.module)
    sampler = Sampler(material.sources, material.definitions, material.related, material.known, seed)
    new = ("text.encoder.shape.weight", "text.encoder.gap.weight", "text.heads.weight", "types.roles")
    new += ("scale", "bias", "link_scale", "link_bias")
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
    checkpoint = out / "checkpoint.pt"
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True, map_location=device)
        for name, part in kept.items():
            part.load_state_dict(state[name])
        step, epoch, done_in_epoch = state["step"], state["epoch"], state["done_in_epoch"]
        logger.info("Resuming at step %d of %d.", step, total)
    else:
        align(model, material, sampler, config)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns) as progress:
        task = progress.add_task("training", total=total, completed=step)
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
                batch = collate(rows, material.vectors, device)
                loss = loss_of(logits_of(model, material.table, batch), batch)
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
