"""Train causal students: full or LoRA, loss on answers only, packed; any Llama-class base (TRL, PEFT).

For several GPUs, run the same command under `accelerate launch`. Defaults are those of the paper's released training
script (`src/train/train.sh` of github.com/universal-ner/universal-ner).
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import orjson
import torch
from datasets import Dataset
from peft import AutoPeftModelForCausalLM, LoraConfig
from pydantic import JsonValue
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerBase
from trl.trainer.sft_config import SFTConfig
from trl.trainer.sft_trainer import SFTTrainer

from uniner_mcp.distill.recipe import TrainSettings
from uniner_mcp.distill.student.card import student_card
from uniner_mcp.distill.student.data import IGNORED, encode, read_rows, student_template
from uniner_mcp.errors import RequestError

logger = logging.getLogger(__name__)


def train_student(conversations: Path, out: Path, config: TrainSettings) -> dict[str, JsonValue]:
    """Train on the conversations. Checkpoints and log are in `out`; the same call resumes from the last checkpoint.

    `out/model` is the student: a whole model, or a LoRA adapter. Returns counts of data, steps and loss. Raises
    RequestError if there is nothing to train on.
    """
    base = config.base
    tokenizer = _loaded(AutoTokenizer, base)
    if tokenizer.eos_token_id is None:
        raise RequestError(f"The tokenizer of {base} has no token that ends a turn: choose another base.")
    dataset, counts = _dataset(conversations, tokenizer, config.longest)
    trainer = (SFTTrainer if torch.cuda.is_available() else _CpuTrainer)(
        model=_loaded(AutoModelForCausalLM, base, dtype="auto" if torch.cuda.is_available() else torch.float32),
        args=_arguments(out, config),
        train_dataset=dataset,
        processing_class=tokenizer,
        peft_config=_lora(config),
    )
    trainer.train(resume_from_checkpoint=_last_checkpoint(out))
    trainer.save_model(str(out / "model"))
    if trainer.is_world_process_zero():
        tokenizer.save_pretrained(out / "model")
        run = {**config.model_dump(mode="json"), "data": str(conversations), "log": trainer.state.log_history}
        (out / "run.json").write_bytes(orjson.dumps(run, option=orjson.OPT_INDENT_2))
    losses = [step["loss"] for step in trainer.state.log_history if "loss" in step]
    return {**counts, "steps": trainer.state.global_step, "loss at first": losses[0], "loss at last": losses[-1]}


def export_student(run: Path, out: Path) -> None:
    """Write the student of `run` as one folder that vLLM and transformers load, with the profile for asking it."""
    model_folder = run / "model"
    if (model_folder / "adapter_config.json").is_file():
        merged = AutoPeftModelForCausalLM.from_pretrained(model_folder).merge_and_unload()
    else:
        merged = AutoModelForCausalLM.from_pretrained(model_folder)
    tokenizer = AutoTokenizer.from_pretrained(model_folder)
    merged.save_pretrained(out)
    tokenizer.save_pretrained(out)
    (out / "profile.toml").write_text(student_profile(out.name, tokenizer.eos_token), encoding="utf-8")
    (out / "README.md").write_text(student_card(run, out.resolve().name), encoding="utf-8")


def student_profile(name: str, end: str) -> str:
    """Return the profile of a student (`--profile FOLDER/profile.toml`)."""
    quoted = {key: orjson.dumps(value).decode() for key, value in {
        "name": name, "template": student_template(end), "end": end,
    }.items()}  # fmt: skip
    return f"""name = {quoted["name"]}
description = "a student trained with uniner-mcp distill train"
template = {quoted["template"]}
special_tokens = [{quoted["end"]}]
stop = [{quoted["end"]}]
context_budget = 384
max_answer_tokens = 256
"""


def _loaded(kind: type[Any], base: str, **options: Any) -> Any:
    try:
        return kind.from_pretrained(base, **options)
    except (OSError, ValueError) as error:
        raise RequestError(
            f"{base} is not a causal model that transformers can load ({type(error).__name__}): give a folder or a "
            "Hugging Face id, and check that the hub can be reached."
        ) from error


def _last_checkpoint(out: Path) -> str | None:
    """Return the last complete checkpoint: its state is written last."""
    found = sorted(out.glob("checkpoint-*"), key=lambda path: -int(path.name.rpartition("-")[2]))
    return next((str(path) for path in found if _is_json(path / "trainer_state.json")), None)


def _is_json(path: Path) -> bool:
    try:
        orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return False
    return True


class _CpuTrainer(SFTTrainer):
    """Computes logits only where there is loss: TRL's own head, made for GPUs, takes a third of the time on a CPU."""

    def compute_loss(
        self,
        model: torch.nn.Module,
        inputs: dict[str, torch.Tensor],
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> torch.Tensor:
        """Return the mean loss over the tokens of the answers, as TRL does."""
        labels = inputs["labels"][:, 1:]
        kept = (labels != IGNORED).any(0).nonzero()[:, 0]
        others = {name: value for name, value in inputs.items() if name != "labels"}
        logits = model(**others, logits_to_keep=kept, use_cache=False).logits
        wanted = labels[:, kept].flatten()
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), wanted, ignore_index=IGNORED, reduction="sum")
        return loss / ((wanted != IGNORED).sum() if num_items_in_batch is None else num_items_in_batch)


def _dataset(
    conversations: Path, tokenizer: PreTrainedTokenizerBase, longest: int
) -> tuple[Dataset, dict[str, JsonValue]]:
    ids: list[list[int]] = []
    labels: list[list[int]] = []
    dropped = left_out = 0
    for row in read_rows(conversations):
        example = encode(tokenizer, row.pairs(), longest)
        if example is None:
            left_out += 1
            continue
        dropped += example.dropped
        ids.append(example.ids)
        labels.append(example.labels)
    if not ids:
        raise RequestError(f"{conversations} has no conversation of at most {longest} tokens: raise `longest`.")
    counts: dict[str, JsonValue] = {
        "conversations": len(ids),
        "tokens": sum(map(len, ids)),
        "tokens with loss": sum(label != IGNORED for row in labels for label in row),
        "answers too long": dropped,
        "conversations too long": left_out,
    }
    logger.info("%s", counts)
    return Dataset.from_dict({"input_ids": ids, "labels": labels}), counts


def _arguments(out: Path, config: TrainSettings) -> SFTConfig:
    on_gpu = torch.cuda.is_available()
    return SFTConfig(
        output_dir=str(out),
        learning_rate=config.learning_rate,
        num_train_epochs=config.epochs,
        max_steps=config.steps or -1,
        per_device_train_batch_size=config.batch,
        gradient_accumulation_steps=config.accumulation,
        max_length=config.longest,
        packing=on_gpu,  # Needs attention that separates packed conversations; without a GPU they are padded.
        warmup_steps=config.warmup,
        lr_scheduler_type="cosine",
        weight_decay=0.0,
        bf16=on_gpu and torch.cuda.is_bf16_supported(),
        activation_checkpointing=on_gpu,
        use_cpu=not on_gpu,
        save_steps=config.save_steps,
        save_total_limit=2,
        logging_steps=10,
        logging_first_step=True,
        report_to="none",
        seed=config.seed,
    )


def _lora(config: TrainSettings) -> LoraConfig | None:
    if not config.lora_rank:
        return None
    return LoraConfig(
        r=config.lora_rank,
        lora_alpha=config.lora_alpha,
        lora_dropout=config.lora_dropout,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )
