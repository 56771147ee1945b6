"""vLLM in this process as the model of a generative engine. Heavy imports wait until the model is loaded."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import os
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import Any
from uuid import uuid4

from uniner_mcp.engines.generative.conversation import Conversation, Prompt
from uniner_mcp.engines.generative.engine import Completion, Early, Sampling, ignore
from uniner_mcp.engines.generative.reading import Token
from uniner_mcp.engines.loading import CLOSED, Loading
from uniner_mcp.errors import EngineError, EngineUnavailable, SettingsError
from uniner_mcp.installation import install_command

ENVIRONMENT = {
    # Standard output is for the protocol, or for the output of a command.
    "VLLM_LOGGING_STREAM": "ext://sys.stderr",
    "VLLM_LOGGING_LEVEL": "WARNING",
    "VLLM_NO_USAGE_STATS": "1",
    # This process has threads and an event loop, so that a fork may hang.
    "VLLM_WORKER_MULTIPROC_METHOD": "spawn",
}
"""Environment variables for vLLM, unless the operator has set them."""
DEFAULTS: Mapping[str, object] = {
    "enable_prefix_caching": True,
    "disable_log_stats": True,
    # vLLM's processes would outlive this one if it is killed. Named, not imported: only its workers may import it.
    "worker_extension_cls": "uniner_mcp.engines.generative.vllm_lifeline.Lifeline",
}
"""Default options; those of the operator override them."""
OWNER = "_UNINER_VLLM_OWNER"
"""Environment variable with the id of this process, for vLLM's workers. `UNINER_` is the prefix of settings."""

logger = logging.getLogger(__name__)

_BYTE = re.compile(r"<0x([0-9A-F]{2})>")


class VllmModel:
    """A model that vLLM runs: `model` is a folder or a Hugging Face id, `options` are those of its `AsyncEngineArgs`.

    The first questions or `warm_up` load it in a thread. If that fails, or if the engine stops later, a later question
    loads it again. Use it in one event loop only.
    """

    def __init__(self, model: str, options: Mapping[str, object]) -> None:
        self._model = model
        self._options = options
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="vllm")
        self._loading = Loading(self._thread, self._load)
        # vLLM is not a dependency, so its types are unknown here.
        self._engine: Any = None
        self._asking: set[asyncio.Task[Completion | EngineError]] = set()

    def warm_up(self) -> None:
        """Start loading. Errors are raised when a question is asked."""
        self._loading.start()

    async def complete_all(
        self, conversation: Conversation, text: str, wordings: Sequence[str], sampling: Sampling, early: Early = ignore
    ) -> list[Completion | EngineError]:
        """Return one completion per wording. All are submitted together, so that vLLM computes shared parts only once.

        Raises EngineError if the model cannot be loaded or is closed, SettingsError if vLLM does not have an option.
        """
        await self._loading.loaded()
        engine, params = self._engine, _sampling_params(sampling)

        async def complete(number: int, wording: str) -> Completion | EngineError:
            completion = await self._ask(engine, conversation.tokens_prompt(text, wording), params)
            early(number, completion)
            return completion

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(complete(number, wording)) for number, wording in enumerate(wordings)]
            for task in tasks:
                self._asking.add(task)
                task.add_done_callback(self._asking.discard)
        return [EngineUnavailable(CLOSED) if task.cancelled() else task.result() for task in tasks]

    async def _ask(self, engine: Any, prompt: Prompt, params: Any) -> Completion | EngineError:
        """Ask one question; cancelling also aborts it in the engine."""
        try:
            tokenizer = engine.get_tokenizer()
            ids = tokenizer_prompt_ids(tokenizer, prompt)
            longest = engine.model_config.max_model_len
            if len(ids) >= longest:
                return EngineError(
                    f"a question of {len(ids)} tokens does not fit into the {longest} of `max_model_len`: raise it in "
                    "`vllm_options` if the model supports more, or send a shorter text"
                )
            outputs = engine.generate({"type": "token", "prompt_token_ids": ids}, params, uuid4().hex)
            # There is one output, the final one; iterate to the end, so that the generator is not left open.
            written = [output.outputs[0] async for output in outputs][-1]
            return Completion(written.text, _tokens(tokenizer, written))
        except EngineError as error:
            return error
        except Exception as error:
            # vLLM's messages may contain the prompt.
            if engine.errored:
                stopped = EngineUnavailable(
                    "the vLLM engine has stopped (see its last messages on stderr): try again in a few minutes, and "
                    "run `uniner-mcp doctor` if it stops again"
                )
                if engine is self._engine:  # The first question that notices.
                    self._loading.lost(stopped)
                    self._engine = None
                    self._thread.submit(engine.shutdown)  # Its processes may still use the GPU.
                return stopped
            return EngineError(f"vLLM could not answer ({type(error).__name__}): run `uniner-mcp doctor`")

    async def aclose(self) -> None:
        """Stop the engine and its processes. Unanswered questions fail; a load in progress is waited for."""
        load = self._loading.close()
        for task in self._asking:
            task.cancel()
        if load is not None:
            # In the loading thread, thus after the load; vLLM blocks for seconds until its processes have ended.
            await asyncio.wrap_future(self._thread.submit(self._shut_down))
        self._thread.shutdown(wait=False)

    def _load(self) -> None:
        """Load the model in the thread, for a minute or so. Raises EngineError or SettingsError."""
        for name, value in ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        os.environ[OWNER] = str(os.getpid())
        try:
            vllm = import_module("vllm")
            known = {field.name for field in dataclasses.fields(vllm.AsyncEngineArgs)} - {"model"}
        except Exception as error:
            raise EngineUnavailable(_why_not_imported(error)) from error
        if unknown := sorted(self._options.keys() - known):
            raise SettingsError(
                f"vLLM {vllm.__version__} has no option `{unknown[0]}`: `vllm_options` accepts the arguments of its "
                "AsyncEngineArgs except `model`, which is a separate setting"
            )
        try:
            arguments = vllm.AsyncEngineArgs(model=self._model, **{**DEFAULTS, **self._options})
            # Not returned: errors that vLLM caught and keeps refer to the frames of this thread and their values.
            self._engine = vllm.AsyncLLMEngine.from_engine_args(arguments)
        except Exception as error:
            # No question was asked yet, so the error cannot contain a caller's text.
            logger.exception("vLLM cannot load the model")
            raise EngineUnavailable(_why_not_loaded(self._model, error)) from error

    def _shut_down(self) -> None:
        engine, self._engine = self._engine, None
        if engine is not None:
            engine.shutdown()


def _why_not_imported(error: Exception) -> str:
    if isinstance(error, ModuleNotFoundError) and error.name == "vllm":
        return f"vLLM is not installed: run {install_command('vllm')}"
    return (
        f"vLLM is installed but cannot be imported ({type(error).__name__}): run `python -c 'import vllm'` to see why, "
        "and `uniner-mcp doctor`"
    )


def _why_not_loaded(model: str, error: Exception) -> str:
    name = type(error).__name__
    if isinstance(error, OSError) or name == "HFValidationError" or "repository ID" in str(error):
        return f"vLLM cannot read the model {model}: set `model` to a folder with a model, or to a Hugging Face id"
    # Errors in the engine's own process arrive here as a RuntimeError without a cause.
    if isinstance(error, RuntimeError) or "memory" in str(error).lower():
        return (
            f"the vLLM engine did not start ({name}): see its last messages on stderr; if it ran out of memory, lower "
            "`gpu_memory_utilization` or `max_model_len`, or set `quantization`, in `vllm_options`"
        )
    if isinstance(error, ValueError):
        return f"vLLM rejects the model {model} or one of `vllm_options` ({name}): see its message on stderr"
    return f"vLLM cannot load the model {model} ({name}): run `uniner-mcp doctor`"


def _sampling_params(sampling: Sampling) -> Any:
    parameters = import_module("vllm.sampling_params")
    grammar = sampling.grammar
    return parameters.SamplingParams(
        temperature=sampling.temperature,
        seed=sampling.seed,
        max_tokens=sampling.max_tokens,
        stop=list(sampling.stop),
        logprobs=0,
        structured_outputs=parameters.StructuredOutputsParams(grammar=grammar) if grammar else None,
        output_kind=parameters.RequestOutputKind.FINAL_ONLY,
    )


def tokenizer_prompt_ids(tokenizer: Any, prompt: Prompt) -> list[int]:
    """Return the ids of a prompt for a tokenizer of `transformers`: only special pieces become special tokens.

    Each plain piece is encoded on its own, as in UniNER's training (`preprocess2` in its train.py). A token that the
    tokenizer adds at the beginning is added here too. Raises EngineError if the model lacks a special token.
    """
    ids: list[int] = []
    for piece in prompt.pieces:
        if not piece.special:
            ids += tokenizer(piece.text, add_special_tokens=False, split_special_tokens=True)["input_ids"]
            continue
        token = tokenizer.convert_tokens_to_ids(piece.text)
        if token is None or (token == tokenizer.unk_token_id and piece.text != tokenizer.unk_token):
            raise EngineError(
                f"the model has no token `{piece.text}`, which its profile requires: choose another `profile`"
            )
        ids.append(token)
    beginning = tokenizer.bos_token_id
    added = tokenizer("")["input_ids"][:1] == [beginning] and ids[:1] != [beginning]
    return [beginning, *ids] if added else ids


def _tokens(tokenizer: Any, written: Any) -> tuple[Token, ...] | None:
    """Return the tokens of an output without the special ones, or None if they do not spell its text."""
    special = set(tokenizer.all_special_ids)
    steps = [
        (token, chosen[token].logprob)
        for token, chosen in zip(written.token_ids, written.logprobs, strict=True)
        if token not in special
    ]
    spelt = spell(tokenizer.convert_ids_to_tokens([token for token, _ in steps]), written.text)
    if spelt is None:
        return None
    return tuple(Token(text, logprob) for text, (_, logprob) in zip(spelt, steps, strict=True))


def spell(vocables: Sequence[str], text: str) -> list[bytes] | None:
    """Return the bytes of tokens given as vocabulary entries; None if together they do not begin with `text`.

    Vocabularies use one of two notations: that of SentencePiece, with `▁` for a space and `<0x0A>` for a byte that is
    not a character on its own, or that of byte-level BPE, with a letter for each byte. The one that spells the text is
    used.
    """
    for style in (_sentencepiece, _byte_level):
        spelt = [style(vocable) for vocable in vocables]
        if b"".join(spelt).startswith(text.encode()):
            return spelt
    return None


def _sentencepiece(vocable: str) -> bytes:
    byte = _BYTE.fullmatch(vocable)
    return bytes.fromhex(byte[1]) if byte else vocable.replace("▁", " ").encode()


def _byte_level(vocable: str) -> bytes:
    return b"".join(_LETTERS.get(letter) or letter.encode() for letter in vocable)


def _byte_letters() -> dict[str, bytes]:
    """Return GPT-2's letters for bytes: printable Latin-1 for itself, code points from 256 on for the rest."""
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    rest = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): bytes([byte]) for byte in printable} | {
        chr(256 + number): bytes([byte]) for number, byte in enumerate(rest)
    }


_LETTERS = _byte_letters()
