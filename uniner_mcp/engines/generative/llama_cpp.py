"""Models in GGUF files, run by llama.cpp in this process (extra `llama`, package xllamacpp).

xllamacpp runs llama.cpp's own server, which listens on a random port of the loopback interface, protected by a key that
is generated on each start. Requests are sent over that port, so that a cancelled request stops.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx2
from pydantic import BaseModel, ValidationError

from uniner_mcp.engines.generative.conversation import Conversation, Piece, Prompt
from uniner_mcp.engines.generative.engine import Completion, Early, Sampling, ignore
from uniner_mcp.engines.generative.reading import Token
from uniner_mcp.engines.loading import Loading
from uniner_mcp.errors import EngineError, EngineUnavailable, SettingsError
from uniner_mcp.installation import install_command

CONTEXT = 2048
"""Tokens per slot, unless `n_ctx` is set: the context length that LLaMA was trained with."""
_FIELDS = ("content", "completion_probabilities")


class _Tokenized(BaseModel):
    tokens: list[int]


class _Probability(BaseModel):
    bytes: list[int]
    logprob: float


class _Written(BaseModel):
    content: str
    completion_probabilities: list[_Probability] = []


class LlamaCppModel:
    """Completes prompts with a GGUF model, which is loaded in the background with the first question.

    After a failed load, a later question loads it again.

    The questions about a passage are asked in sequence in one slot, and reuse the processed passage: slots do not share
    what they have processed. There is one slot unless the option `n_parallel` is set.
    """

    def __init__(self, model: str, options: Mapping[str, object]) -> None:
        """`model` is a file, or `id:file` on the Hugging Face hub; `options` are attributes of CommonParams.

        Raises EngineError if xllamacpp is not installed, SettingsError if an option is unknown or has the wrong type.
        """
        self._model = model
        self._key = secrets.token_urlsafe(24)
        self._parameters = self._with(options)
        slots = int(self._parameters.n_parallel)
        self._slots: asyncio.Queue[int] = asyncio.Queue()
        for slot in range(slots):
            self._slots.put_nowait(slot)
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="llama-cpp")
        self._server = Loading[Any](self._pool, self._load)
        self._client: httpx2.AsyncClient | None = None

    def warm_up(self) -> None:
        """Start loading the model."""
        self._server.start()

    async def complete_all(
        self, conversation: Conversation, text: str, wordings: Sequence[str], sampling: Sampling, early: Early = ignore
    ) -> list[Completion | EngineError]:
        """Return one completion per wording, computed in sequence."""
        client = await self._opened()
        slot = await self._slots.get()
        try:
            ids: dict[tuple[Piece, bool], list[int]] = {}
            completions: list[Completion | EngineError] = []
            for number, wording in enumerate(wordings):
                prompt = conversation.tokens_prompt(text, wording)
                completions.append(await self._complete(client, prompt, slot, sampling, ids))
                early(number, completions[-1])
            return completions
        finally:
            self._slots.put_nowait(slot)

    async def aclose(self) -> None:
        """Stop the server and free the model."""
        held = [load for load in [self._server.close()] if load is not None]
        if self._client is not None:
            await self._client.aclose()
        if held:
            await asyncio.get_running_loop().run_in_executor(self._pool, _release, held)
        self._pool.shutdown(wait=False)

    def _with(self, options: Mapping[str, object]) -> Any:
        xllamacpp = _xllamacpp()
        parameters = xllamacpp.CommonParams()
        parameters.n_parallel = 1
        for name, value in options.items():
            owner = parameters.cpuparams if name == "n_threads" else parameters
            if not hasattr(owner, name) or name in ("api_keys", "hostnames", "port"):
                raise SettingsError(
                    f"`llama_options` has no option `{name}`: use the attributes of llama.cpp's CommonParams."
                )
            try:
                setattr(owner, name, value)
            except (TypeError, ValueError, OverflowError):
                raise SettingsError(f"`llama_options`: `{name}` cannot have a value of this type.") from None
        parameters.n_ctx = parameters.n_ctx or CONTEXT * parameters.n_parallel
        parameters.api_keys = [self._key]
        parameters.endpoint_slots = False
        parameters.endpoint_metrics = True
        parameters.ui = False
        parameters.swa_full = True  # Sliding-window models reuse a prefix only with this option.
        parameters.verbosity = min(parameters.verbosity, 1)
        return parameters

    async def _opened(self) -> httpx2.AsyncClient:
        server = await self._server.loaded()
        if self._client is None:
            self._client = httpx2.AsyncClient(
                base_url=server.listening_address,
                headers={"Authorization": f"Bearer {self._key}"},
                timeout=None,
                trust_env=False,
            )
        return self._client

    def _load(self) -> Any:
        self._parameters.model.path = str(gguf_file(self._model))
        try:
            server = _xllamacpp().Server(self._parameters)
            # A server that is freed before its thread has started would wait for it forever.
            server.handle_metrics()
            return server
        except Exception as error:
            raise EngineUnavailable(
                f"llama.cpp cannot load {self._model} ({type(error).__name__}): check that it is a complete GGUF file "
                "and that there is enough memory (a smaller quantisation or `n_ctx` needs less), or run "
                "`uniner-mcp doctor`"
            ) from None

    async def _complete(
        self,
        client: httpx2.AsyncClient,
        prompt: Prompt,
        slot: int,
        sampling: Sampling,
        ids: dict[tuple[Piece, bool], list[int]],
    ) -> Completion | EngineError:
        try:
            tokens: list[int] = []
            for number, piece in enumerate(prompt.pieces):
                key = (piece, number == 0)
                if key not in ids:
                    ids[key] = await self._encode(client, piece, first=number == 0)
                tokens += ids[key]
            written = _Written.model_validate_json(
                await self._post(
                    client,
                    "/completion",
                    prompt=tokens,
                    id_slot=slot,
                    cache_prompt=True,
                    n_predict=sampling.max_tokens,
                    stop=sampling.stop,
                    temperature=sampling.temperature,
                    seed=sampling.seed,
                    n_probs=1,
                    response_fields=_FIELDS,
                    **({"grammar": sampling.grammar} if sampling.grammar else {}),
                )
            )
        except EngineError as error:
            return error
        except ValidationError:
            return EngineError("llama.cpp returned an unknown format: install the latest xllamacpp")
        spelt = tuple(Token(bytes(token.bytes), token.logprob) for token in written.completion_probabilities)
        return Completion(written.content, spelt or None)

    async def _encode(self, client: httpx2.AsyncClient, piece: Piece, *, first: bool) -> list[int]:
        """Return the ids of a piece; the first one begins with the beginning-of-sequence token if the model uses it."""
        encoded = _Tokenized.model_validate_json(
            await self._post(client, "/tokenize", content=piece.text, add_special=first, parse_special=piece.special)
        ).tokens
        if piece.special and len(encoded) != 1:
            raise EngineError(f"the model has no special token {piece.text}: choose another `profile`")
        return encoded

    async def _post(self, client: httpx2.AsyncClient, path: str, **body: object) -> bytes:
        try:
            response = await client.post(path, json=body)
        except httpx2.HTTPError as error:
            raise EngineUnavailable(
                f"llama.cpp has stopped answering ({type(error).__name__}): restart uniner-mcp"
            ) from None
        if response.status_code == 400 and b"exceed_context_size_error" in response.content:
            raise EngineError("the passage is longer than the context: raise `n_ctx` in `llama_options`")
        if response.status_code != 200:
            raise EngineError(f"llama.cpp refused the question (status {response.status_code})")
        return response.content


def _release(held: list[Future[Any]]) -> None:
    """Wait for a load and drop the last reference to its server, which then ends in this thread."""
    with suppress(Exception):  # The questions have raised it.
        held.pop().result()


def gguf_file(model: str) -> Path:
    """Return the file of a model given as a path, or as `id:file` on the Hugging Face hub (downloaded once).

    Raises EngineError if there is none.
    """
    path = Path(model).expanduser()
    if path.is_file():
        return path
    repository, colon, name = model.partition(":")
    if not colon or repository.count("/") != 1:
        raise EngineUnavailable(f"there is no file {model}: set `model` to a GGUF file, or to id:file on Hugging Face")
    hub = import_module("huggingface_hub")
    try:
        return Path(hub.hf_hub_download(repository, name))
    except (OSError, ValueError) as error:
        raise EngineUnavailable(
            f"{name} of {repository} cannot be downloaded from Hugging Face ({type(error).__name__}): check both names "
            "and the network, or set `model` to the path of a file"
        ) from None


def _xllamacpp() -> Any:
    try:
        return import_module("xllamacpp")  # It has no types.
    except ImportError:
        raise EngineUnavailable(f"llama.cpp is not installed: run {install_command('llama')}.") from None
