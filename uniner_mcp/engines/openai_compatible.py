"""A model behind any OpenAI-compatible server: vLLM, llama-server, Ollama, LM Studio, SGLang, TGI and others."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Literal

from pydantic import ValidationError
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_exponential_jitter

from uniner_mcp.engines.addresses import leaves_machine, shown
from uniner_mcp.engines.conversation import Conversation, Prompt
from uniner_mcp.engines.dialects import Dialect, ModelList, chat_body, completion_body, read_reply
from uniner_mcp.engines.generative import Completion, Sampling
from uniner_mcp.engines.replicas import Replicas
from uniner_mcp.errors import EngineError

if TYPE_CHECKING:
    from openai import AsyncOpenAI

FIRST_WAIT = 0.25
LONGEST_WAIT = 8.0
"""Seconds between two tries: doubled each time, with jitter, from the first to the longest."""
CHECK_TIMEOUT = 2.0
"""Seconds in which a server that was down must list its models."""
_NO_KEY = "none"
_PATHS = {"completions": "/completions", "chat": "/chat/completions"}
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})


class _TryAgain(Exception):
    """What may go better at the next try: `reason` for people, `after` the seconds that the server asks for."""

    def __init__(self, reason: str, after: float | None = None) -> None:
        super().__init__(reason)
        self.after = after


class _Refused(Exception):
    """The server does not take the request as it stands."""


class _NotFound(Exception):
    """The server has no such path, or no such model."""


@dataclass(slots=True)
class _Route:
    """The server that the questions of one passage go to: it has read the passage already."""

    address: str
    moved: bool = False


@dataclass(slots=True)
class _Known:
    """What was learnt of the servers: their kind, and what they do not take."""

    dialect: Dialect | None
    chat: bool = False
    logprobs: bool = True
    schema: bool = True


class ServerModel:
    """Completes prompts over HTTP. Nothing is sent before the first question.

    A question is tried again after lost connections, time-outs, 408, 425, 429, 5xx, and replies that are cut or no
    JSON; it is given up after twice `timeout_s`, the limit of one request. Of several servers, the questions of a
    passage go to one, and to the next when it is down.
    """

    def __init__(
        self,
        *,
        base_urls: Sequence[str],
        model: str,
        api_key: str | None,
        api: Literal["auto", "completions", "chat"],
        dialect: Dialect | None,
        timeout_s: float,
        at_once: int,
    ) -> None:
        """`api` auto: completions where the prompt has a string and the server takes it; `dialect` None: found out."""
        self._model = model
        self._key = api_key
        self._api = api
        self._timeout = timeout_s
        self._known = _Known(dialect)
        self._places = asyncio.Semaphore(at_once)
        self._replicas = Replicas(base_urls, self._is_well)
        self._clients: dict[str, AsyncOpenAI] = {}

    async def complete_all(
        self, conversation: Conversation, text: str, wordings: Sequence[str], sampling: Sampling
    ) -> list[Completion | EngineError]:
        """One completion per wording: all at once, but one after the other for llama.cpp, whose slots share nothing."""
        prompts = [conversation.string_prompt(text, wording) for wording in wordings]
        if not prompts:
            return []
        route = _Route(await self._replicas.pick())
        if await self._dialect(route) == "llama-cpp":
            return [await self._answer(prompt, sampling, route) for prompt in prompts]
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._answer(prompt, sampling, route)) for prompt in prompts]
        return [task.result() for task in tasks]

    async def aclose(self) -> None:
        """Close the connections."""
        clients, self._clients = self._clients, {}
        for client in clients.values():
            await client.close()

    async def _answer(self, prompt: Prompt, sampling: Sampling, route: _Route) -> Completion | EngineError:
        async with self._places:
            started = time.monotonic()
            retrying = AsyncRetrying(
                retry=retry_if_exception_type(_TryAgain),
                wait=lambda state: self._pause(state, route),
                stop=lambda state: time.monotonic() - started + state.upcoming_sleep > 2 * self._timeout,
                reraise=True,
            )
            try:
                return await retrying(self._ask, prompt, sampling, route)
            except _TryAgain as error:
                return EngineError(f"{error}; given up after {time.monotonic() - started:.0f} s")
            except EngineError as error:
                return error

    def _pause(self, state: RetryCallState, route: _Route) -> float:
        """Seconds to wait before the next try: none, if it goes to another server."""
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, _TryAgain) and error.after is not None:
            return error.after
        if route.moved:
            route.moved = False
            return 0.0
        return wait_exponential_jitter(multiplier=FIRST_WAIT, max=LONGEST_WAIT, jitter=FIRST_WAIT)(state)

    async def _ask(self, prompt: Prompt, sampling: Sampling, route: _Route) -> Completion:
        """One try, with what the server is known to take. Raises _TryAgain or EngineError."""
        known, dialect = self._known, await self._dialect(route)
        forms = [form for form in self._forms(prompt) if not (form == "completions" and known.chat)]
        for form in forms:
            for logprobs, schema in self._variants(form, dialect):
                if form == "completions":
                    body = completion_body(prompt, sampling, dialect, logprobs=logprobs)
                else:
                    body = chat_body(prompt, sampling, dialect, logprobs=logprobs, schema=schema)
                try:
                    completion = await self._post(route, _PATHS[form], body)
                except _Refused:
                    continue
                except _NotFound:
                    break
                known.chat, known.logprobs, known.schema = form == "chat", logprobs, schema
                return completion
            else:
                raise EngineError(
                    f"the server at {shown(route.address)} refused the question (400): it may be too long for the "
                    "model's context; the server's log says why"
                )
        raise EngineError(
            f"the server at {shown(route.address)} has no model {self._model}, or not the API that is asked: check "
            "`model`, `api`, and that `base_url` ends as the server says (mostly in /v1)"
        )

    def _forms(self, prompt: Prompt) -> list[str]:
        """The paths that the prompt and the settings allow, the better one first."""
        has = {"completions": bool(prompt.pieces), "chat": bool(prompt.messages)}
        return [form for form in has if has[form] and self._api in ("auto", form)]

    def _variants(self, form: str, dialect: Dialect) -> list[tuple[bool, bool]]:
        """With and without probabilities and a schema, as far as servers were not seen to refuse them."""
        logprobs = [True, False] if self._known.logprobs else [False]
        schema = [self._known.schema]
        if form == "chat" and dialect == "other" and self._known.schema:
            schema = [True, False]
        return [(first, second) for first in logprobs for second in schema]

    async def _post(self, route: _Route, path: str, body: dict[str, object]) -> Completion:
        import httpx2
        import openai

        address = route.address
        try:
            async with asyncio.timeout(self._timeout):
                reply = await self._client(address).post(
                    path, cast_to=httpx2.Response, body={"model": self._model, **body}
                )
            completion = read_reply(reply.content)
        except openai.APIStatusError as error:
            if error.status_code >= 500:
                await self._leave(route, address)
            raise _meaning(address, error.status_code, error.response.headers.get("retry-after")) from None
        except (openai.APIConnectionError, TimeoutError) as error:
            late = isinstance(error, TimeoutError | openai.APITimeoutError)
            await self._leave(route, address)
            how = f"did not answer within {self._timeout:g} s" if late else "cannot be reached, or broke off"
            raise _TryAgain(f"the server at {shown(address)} {how}") from None
        except ValueError:
            await self._leave(route, address)
            raise _TryAgain(f"the server at {shown(address)} sent a reply that is no completion in JSON") from None
        self._replicas.is_well(address)
        return completion

    async def _leave(self, route: _Route, address: str) -> None:
        """Go on with another server, if there is one that is well."""
        self._replicas.is_down(address)
        if route.address == address and self._replicas.others_are_well(address):
            route.address = await self._replicas.pick()
            route.moved = True

    async def _dialect(self, route: _Route) -> Dialect:
        if self._known.dialect is None:
            with suppress(EngineError):
                self._known.dialect = (await self._models(route.address, self._timeout)).dialect()
        return self._known.dialect or "other"

    async def _is_well(self, address: str) -> bool:
        try:
            await self._models(address, CHECK_TIMEOUT)
        except EngineError:
            return False
        return True

    async def _models(self, address: str, timeout: float) -> ModelList:
        import httpx2
        import openai

        try:
            async with asyncio.timeout(timeout):
                reply = await self._client(address).get("/models", cast_to=httpx2.Response)
            return ModelList.model_validate_json(reply.content)
        except (openai.APIError, TimeoutError, ValidationError) as error:
            raise EngineError(f"{shown(address)} does not list its models ({type(error).__name__})") from None

    def _client(self, address: str) -> AsyncOpenAI:
        from openai import AsyncOpenAI, DefaultAsyncHttpxClient

        if address not in self._clients:
            # A key for this server only (never that of OPENAI_API_KEY), and no proxy between us and this machine.
            self._clients[address] = AsyncOpenAI(
                base_url=address,
                api_key=self._key or _NO_KEY,
                max_retries=0,
                timeout=None,
                http_client=DefaultAsyncHttpxClient(trust_env=leaves_machine(address)),
            )
        return self._clients[address]


def served_models(base_url: str, api_key: str | None, timeout_s: float) -> list[str]:
    """The names of a server's models. Raises EngineError that says what to do."""
    import httpx2
    import openai

    http = openai.DefaultHttpxClient(trust_env=leaves_machine(base_url))
    with openai.OpenAI(
        base_url=base_url, api_key=api_key or _NO_KEY, max_retries=0, timeout=timeout_s, http_client=http
    ) as client:
        try:
            reply = client.get("/models", cast_to=httpx2.Response)
            return [model.id for model in ModelList.model_validate_json(reply.content).data]
        except openai.AuthenticationError:
            raise EngineError(f"{shown(base_url)} refused the key: set `api_key` (UNINER_API_KEY).") from None
        except openai.APIConnectionError:
            raise EngineError(f"{shown(base_url)} cannot be reached: start the server, or mend `base_url`.") from None
        except (openai.APIStatusError, ValidationError):
            raise EngineError(
                f"{shown(base_url)} does not list its models at /models: set `model`, and check that `base_url` ends "
                "as the server says (mostly in /v1)."
            ) from None


def _meaning(address: str, status: int, retry_after: str | None) -> Exception:
    """What a status means. The server's own words may hold the text: they are not repeated."""
    place = shown(address)
    if status in (404, 405):
        return _NotFound()
    if status in (400, 422):
        return _Refused()
    if status in (401, 403):
        return EngineError(f"the server at {place} refused the key ({status}): set `api_key` (UNINER_API_KEY)")
    if status in _AGAIN:
        return _TryAgain(f"the server at {place} answered {status}", _seconds(retry_after))
    return EngineError(f"the server at {place} answered {status}: its log says why")


def _seconds(retry_after: str | None) -> float | None:
    """The seconds of a Retry-After header, which has a number or a date (RFC 9110, section 10.2.3)."""
    if retry_after is None:
        return None
    with suppress(ValueError):
        return max(0.0, float(retry_after))
    with suppress(ValueError):
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - time.time())
    return None
