"""Write a student as a GGUF file for llama.cpp: any model of the Llama architecture with a BPE tokenizer.

Names of tensors and keys come from the `gguf` package. Rows of queries and keys are interleaved for the rotation in
llama.cpp. Two kinds of tokenizer are supported, which llama.cpp calls `llama` (SentencePiece with byte fallback) and
`gpt2` (byte level).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import gguf
import numpy as np
import orjson
from safetensors.numpy import load_file

from uniner_mcp.errors import RequestError

Precision = Literal["f16", "q8_0"]
"""How matrices are stored: 16 bits, or 8 bits in blocks of 32."""

_ADVICE = "use llama.cpp's convert_hf_to_gguf.py for this model"
_TYPES = {"f16": gguf.GGMLQuantizationType.F16, "q8_0": gguf.GGMLQuantizationType.Q8_0}
_FILES = {"f16": gguf.LlamaFileType.MOSTLY_F16, "q8_0": gguf.LlamaFileType.MOSTLY_Q8_0}
_PRE: Mapping[str, str] = {"ByteLevel": "gpt-2", "Digits+ByteLevel": "smollm"}
"""llama.cpp's names for the pre-tokenizers of byte-level tokenizers."""


def write_gguf(folder: Path, path: Path, precision: Precision) -> None:
    """Write the exported student in `folder` to `path`. Raises RequestError for unsupported models."""
    config = orjson.loads((folder / "config.json").read_bytes())
    if config["model_type"] != "llama":
        raise RequestError(f"The model in {folder} is of type {config['model_type']}, not llama: {_ADVICE}.")
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name(folder.name)
    writer.add_file_type(_FILES[precision])
    _add_shape(writer, config)
    _add_tokenizer(writer, folder, config)
    _add_tensors(writer, folder, config, precision)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add_shape(writer: gguf.GGUFWriter, config: Mapping[str, Any]) -> None:
    rope = config.get("rope_parameters") or {"rope_theta": config.get("rope_theta", 10000.0)}
    if rope.get("rope_type", "default") != "default":
        raise RequestError(f"The model's rope type {rope['rope_type']} is not supported: {_ADVICE}.")
    heads = config["num_attention_heads"]
    writer.add_vocab_size(config["vocab_size"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(config.get("num_key_value_heads", heads))
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_dimension_count(config.get("head_dim") or config["hidden_size"] // heads)
    writer.add_rope_freq_base(rope["rope_theta"])


def _add_tokenizer(writer: gguf.GGUFWriter, folder: Path, config: Mapping[str, Any]) -> None:
    tokenizer = orjson.loads((folder / "tokenizer.json").read_bytes())
    model = tokenizer["model"]
    if model["type"] != "BPE":
        raise RequestError(f"The tokenizer in {folder} is {model['type']}, not BPE: {_ADVICE}.")
    added = {token["id"]: token for token in tokenizer["added_tokens"]}
    names = {number: name for name, number in model["vocab"].items()}
    names |= {number: token["content"] for number, token in added.items()}
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in model["merges"]]
    size = config["vocab_size"]
    writer.add_token_list([names.get(number, f"[PAD{number}]") for number in range(size)])
    writer.add_token_types([_kind(number, names, added) for number in range(size)])
    if model["byte_fallback"]:
        ranks = {merge.replace(" ", ""): rank for rank, merge in reversed(list(enumerate(merges, start=1)))}
        writer.add_tokenizer_model("llama")
        writer.add_tokenizer_pre("default")
        writer.add_token_scores([-float(ranks.get(names.get(number, ""), 0)) for number in range(size)])
        writer.add_add_space_prefix("Prepend" in str(tokenizer["normalizer"]))
    else:
        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre(_pre(tokenizer["pre_tokenizer"]))
        writer.add_token_merges(merges)
    _add_special(writer, folder, config, tokenizer)


def _add_special(
    writer: gguf.GGUFWriter, folder: Path, config: Mapping[str, Any], tokenizer: Mapping[str, Any]
) -> None:
    numbers = {token["content"]: token["id"] for token in tokenizer["added_tokens"]}
    settings = orjson.loads((folder / "tokenizer_config.json").read_bytes())
    end = _content(settings.get("eos_token"))
    writer.add_eos_token_id(numbers.get(end, config["eos_token_id"]))
    if (begin := config.get("bos_token_id")) is not None:
        writer.add_bos_token_id(begin)
    if (unknown := numbers.get(_content(settings.get("unk_token")))) is not None:
        writer.add_unk_token_id(unknown)
    # The post-processor shows whether the tokenizer adds a token at the beginning.
    writer.add_add_bos_token("SpecialToken" in str((tokenizer["post_processor"] or {}).get("single", "")))
    writer.add_add_eos_token(False)


def _content(token: Any) -> str:
    """Return a special token, given as a string or as an object that contains it."""
    return str(token["content"] if isinstance(token, dict) else token)


def _kind(number: int, names: Mapping[int, str], added: Mapping[int, Mapping[str, Any]]) -> gguf.TokenType:
    if number not in names:
        return gguf.TokenType.UNUSED
    if number in added:
        return gguf.TokenType.CONTROL if added[number]["special"] else gguf.TokenType.USER_DEFINED
    name = names[number]
    return gguf.TokenType.BYTE if len(name) == 6 and name.startswith("<0x") else gguf.TokenType.NORMAL


def _pre(step: Mapping[str, Any] | None) -> str:
    steps = step["pretokenizers"] if step and step["type"] == "Sequence" else [step or {"type": "none"}]
    name = "+".join(each["type"] for each in steps)
    if name not in _PRE:
        raise RequestError(f"The tokenizer's pre-tokenizer {name} is not supported: {_ADVICE}.")
    return _PRE[name]


def _add_tensors(writer: gguf.GGUFWriter, folder: Path, config: Mapping[str, Any], precision: Precision) -> None:
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config["num_hidden_layers"])
    heads, shared = config["num_attention_heads"], config.get("num_key_value_heads")
    for file in sorted(folder.glob("*.safetensors")):
        for ours, tensor in load_file(file).items():
            name = names.get_name(ours, try_suffixes=(".weight",))
            if name is None:
                raise RequestError(f"The model in {folder} has a tensor {ours}, which is not part of Llama: {_ADVICE}.")
            weight = tensor.astype(np.float32)
            if ours.endswith("q_proj.weight"):
                weight = _interleaved(weight, heads)
            elif ours.endswith("k_proj.weight"):
                weight = _interleaved(weight, shared or heads)
            if weight.ndim == 1:
                writer.add_tensor(name, weight)
            else:
                kind = _TYPES[precision]
                writer.add_tensor(name, gguf.quants.quantize(weight, kind), raw_dtype=kind)


def _interleaved(weight: np.ndarray, heads: int) -> np.ndarray:
    """Interleave the two halves of each head: llama.cpp rotates neighbouring rows, transformers rotates the halves."""
    rows, columns = weight.shape
    return weight.reshape(heads, 2, rows // heads // 2, columns).swapaxes(1, 2).reshape(rows, columns)
