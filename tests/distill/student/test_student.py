"""Causal students, with real TRL, PEFT and a real (tiny) Llama; the environment of .ci/run has them."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from uniner_mcp.cli import app
from uniner_mcp.distill.student.data import IGNORED, encode, read_rows, student_template
from uniner_mcp.engines.generative.profiles import find_profile
from uniner_mcp.engines.generative.vllm import tokenizer_prompt_ids
from uniner_mcp.errors import RequestError

TINY = Path(__file__).parents[2] / "tiny_uniner" / "hf"
needs_trl = pytest.mark.skipif(importlib.util.find_spec("trl") is None, reason="needs the train extra: see .ci/run")


def conversation(person: str, place: str) -> dict[str, Any]:
    said = [
        ("human", f"Text: {person} left {place}."),
        ("gpt", "I've read this text."),
        ("human", "What describes person in the text?"),
        ("gpt", json.dumps([person])),
        ("human", "What describes gene in the text?"),
        ("gpt", "[]"),
    ]
    return {"id": person, "conversations": [{"from": speaker, "value": value} for speaker, value in said]}


@pytest.fixture
def conversations(tmp_path: Path) -> Path:
    path = tmp_path / "conversations.jsonl"
    people = [f"{first} {last}" for first in ("Maria", "Tom", "Anna") for last in ("Keller", "Reed", "Novak", "Silva")]
    rows = [conversation(person, place) for person in people for place in ("Berlin", "Paris")]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def tokenizer() -> Any:
    return pytest.importorskip("transformers").AutoTokenizer.from_pretrained(TINY)


@pytest.mark.slow
@needs_trl
def test_a_student_is_trained_on_the_very_ids_that_it_is_asked_with(tokenizer: Any, conversations: Path) -> None:
    row = next(read_rows(conversations))
    example = encode(tokenizer, row.pairs(), 1024)
    assert example is not None and example.dropped == 0
    asked = find_profile("uniner").conversation().tokens_prompt("Maria Keller left Berlin.", "person")
    ids = tokenizer_prompt_ids(tokenizer, asked)
    # This tokenizer puts the space before a word by itself.
    answer = tokenizer('["Maria Keller"]', add_special_tokens=False)["input_ids"] + [tokenizer.eos_token_id]
    assert example.ids[: len(ids) + len(answer)] == ids + answer
    assert example.labels[: len(ids) + len(answer)] == [IGNORED] * len(ids) + answer
    lost = [label for label in example.labels if label != IGNORED]
    assert tokenizer.convert_ids_to_tokens(lost) == ['▁["', "Maria", "▁Keller", '"]', "</s>", "▁[]", "</s>"]


@pytest.mark.slow
@needs_trl
def test_what_does_not_fit_is_left_out_answer_by_answer_and_counted(tokenizer: Any) -> None:
    pairs = [("Text: Ada.", "I've read this text."), ("What describes a in the text?", "x " * 500)]
    pairs.append(("What describes b in the text?", "[]"))
    example = encode(tokenizer, pairs, 300)
    assert example is not None and example.dropped == 1 and len(example.ids) <= 300
    assert encode(tokenizer, pairs[:2], 300) is None


@pytest.mark.slow
@needs_trl
@pytest.mark.filterwarnings("ignore:.*gradient_checkpointing.*:FutureWarning")  # Of transformers, about PEFT.
@pytest.mark.parametrize("rank", ["0", "4"])
def test_a_student_is_trained_goes_on_and_is_exported_with_its_profile(
    tmp_path: Path, conversations: Path, rank: str
) -> None:
    run, out = tmp_path / "run", tmp_path / "student"
    command = ["distill", "train", "--data", str(conversations), "--base", str(TINY), "--out", str(run)]
    command += ["--lora-rank", rank, "--batch", "4", "--accumulation", "1", "--learning-rate", "1e-3"]
    command += ["--steps", "40", "--save-steps", "5"]
    with subprocess.Popen([sys.executable, "-m", "uniner_mcp", *command], stderr=subprocess.DEVNULL) as process:
        while not (run / "checkpoint-10" / "trainer_state.json").exists():
            assert process.poll() is None
            time.sleep(0.01)
        process.kill()
    assert not (run / "model").exists()
    (run / "checkpoint-99").mkdir()
    (run / "checkpoint-99" / "trainer_state.json").write_text('{"torn', encoding="utf-8")
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    assert "up to date" in CliRunner().invoke(app, command).stdout
    log = json.loads((run / "run.json").read_bytes())
    losses = {step["step"]: step["loss"] for step in log["log"] if "loss" in step}
    assert list(losses) == [1, 10, 20, 30, 40] and losses[40] < losses[1]
    export = ["distill", "export", "--run", str(run), "--out", str(out), "--gguf", "f16"]
    assert CliRunner().invoke(app, export).exit_code == 0
    card = (out / "README.md").read_text(encoding="utf-8")
    assert "| tokens with loss |" in card and f"| lora_rank | {rank} |" in card and "licence" in card
    profile = find_profile("any", str(out / "profile.toml"))
    transformers = pytest.importorskip("transformers")
    model = transformers.AutoModelForCausalLM.from_pretrained(out)
    tokenizer = transformers.AutoTokenizer.from_pretrained(out)
    prompt = profile.conversation().tokens_prompt("Anna Reed left Paris.", "gene")
    ids = tokenizer_prompt_ids(tokenizer, prompt)
    written = model.generate(pytest.importorskip("torch").tensor([ids]), max_new_tokens=16, do_sample=False)
    assert tokenizer.decode(written[0][len(ids) :]).strip().startswith("[]</s>")


@pytest.mark.parametrize(
    "line",
    ["no json", "{}", '{"id": "x", "conversations": []}', json.dumps(conversation("a", "b") | {"conversations": [
        {"from": "gpt", "value": "x"}] * 4})],
)  # fmt: skip
def test_a_row_that_is_no_conversation_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(conversation("Ada", "Rome")) + f"\n{line}\n", encoding="utf-8")
    with pytest.raises(RequestError, match="line 2"):
        list(read_rows(path))


def test_the_template_of_a_student_ends_turns_with_its_own_token() -> None:
    template = student_template("<|im_end|>")
    assert (
        "</s>" not in template and template.endswith("in the text? ASSISTANT:") and "<|im_end|>USER: What" in template
    )


def test_training_without_the_extra_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("uniner_mcp.distill.student.stages.find_spec", lambda name: None)
    result = CliRunner().invoke(app, ["distill", "train", "--data", "x", "--base", "y", "--out", str(tmp_path)])
    assert result.exit_code == 1 and "[train]'" in result.stderr
    result = CliRunner().invoke(app, ["distill", "export", "--run", "x", "--out", str(tmp_path)])
    assert result.exit_code == 1 and "[train]'" in result.stderr


def test_what_was_not_trained_cannot_be_exported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("uniner_mcp.distill.student.stages.find_spec", lambda name: name)
    result = CliRunner().invoke(app, ["distill", "export", "--run", str(tmp_path), "--out", str(tmp_path)])
    assert result.exit_code == 2 and "There is no trained student" in result.stderr


@pytest.mark.slow
@needs_trl
def test_a_base_that_cannot_be_loaded_is_named(tmp_path: Path, conversations: Path) -> None:
    (tmp_path / "no-model").mkdir()
    command = ["distill", "train", "--data", str(conversations), "--base", str(tmp_path / "no-model")]
    result = CliRunner().invoke(app, [*command, "--out", str(tmp_path / "run")])
    assert result.exit_code == 2 and "is not a causal model" in " ".join(result.stderr.split())


@pytest.mark.slow
@needs_trl
@pytest.mark.parametrize("precision", ["f16", "q8_0"])
def test_a_student_as_gguf_answers_in_llama_cpp_as_the_model_that_it_is_made_of(tmp_path: Path, precision: str) -> None:
    pytest.importorskip("xllamacpp", reason="xllamacpp has no wheel for this platform")
    from uniner_mcp.distill.student.gguf import write_gguf

    write_gguf(TINY, path := tmp_path / "tiny.gguf", precision)  # type: ignore[arg-type]
    command = ["extract", "On 3 May 2021 Tom Reed left Paris.", "-t", "person,date", "--json", "--no-cache"]
    command += ["--engine", "llama-cpp", "--profile", "uniner"]
    ours, known = (
        json.loads(CliRunner().invoke(app, [*command, "--model", str(model)]).stdout)["entities"]
        for model in (path, TINY.parent / "tiny-uniner.gguf")
    )
    assert [entity["text"] for entity in ours] == ["3 May 2021", "Tom Reed"]
    near = 0.01 if precision == "q8_0" else 0.0005
    for entity, twin in zip(ours, known, strict=True):
        assert entity["confidence"] == pytest.approx(twin["confidence"], abs=near)


@pytest.mark.slow
@needs_trl
@pytest.mark.parametrize(
    ("file", "change", "said"),
    [
        ("config.json", {"model_type": "gpt2"}, "not llama"),
        ("config.json", {"rope_parameters": {"rope_type": "yarn", "rope_theta": 1e4}}, "rope type yarn"),
        ("tokenizer.json", {"model": {"type": "Unigram"}}, "is Unigram, not BPE"),
        ("tokenizer.json", {"pre_tokenizer": {"type": "Metaspace"}, "byte_level": True}, "Metaspace"),
    ],
)
def test_a_model_that_cannot_be_written_is_refused_with_advice(
    tmp_path: Path, file: str, change: dict[str, Any], said: str
) -> None:
    from uniner_mcp.distill.student.gguf import write_gguf

    for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        whole = json.loads((TINY / name).read_bytes())
        if name == file:
            whole |= change
            if whole.pop("byte_level", False):
                whole["model"]["byte_fallback"] = False
        (tmp_path / name).write_text(json.dumps(whole), encoding="utf-8")
    with pytest.raises(RequestError, match=said):
        write_gguf(tmp_path, tmp_path / "x.gguf", "f16")
