"""A model behind any OpenAI-compatible server: vLLM, llama-server, Ollama, LM Studio, SGLang, TGI and others."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal, TypeVar, cast

from pydantic import ValidationError
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_exponential_jitter

from uniner_mcp.engines.generative.addresses import leaves_machine, shown
from uniner_mcp.engines.generative.connections import NO_KEY, drop_environment_headers, open_client
from uniner_mcp.engines.generative.conversation import Conversation, Prompt
from uniner_mcp.engines.generative.dialects import Dialect, ModelList, chat_body, completion_body, read_reply
from uniner_mcp.engines.generative.engine import Completion, Early, Sampling, ignore
from uniner_mcp.engines.generative.failures import NotFound, Refused, TryAgain, meaning
from uniner_mcp.engines.generative.replicas import Replicas, Route
from uniner_mcp.errors import EngineError, EngineTimeout, EngineUnavailable

if TYPE_CHECKING:
    from openai import AsyncOpenAI

_Given = TypeVar("_Given")
FIRST_WAIT = 0.25
LONGEST_WAIT = 8.0
"""Seconds between two attempts: doubled each time, with jitter, from the first to the longest."""
CHECK_TIMEOUT = 2.0
"""Seconds in which a server that was down must answer a request for its models."""


@dataclass(slots=True)
class _Known:
    """What is known about the servers: their kind, and which fields they do not accept."""

    dialect: Dialect | None
    chat: bool = False
    logprobs: bool = True
    schema: bool = True


class ServerModel:
    """Completes prompts over HTTP. Nothing is sent before the first question.

    A question is retried after lost connections, timeouts, 408, 425, 429, 500, 502, 503, 504, and replies that are cut
    off or not JSON, for `timeout_s` seconds in total. With several servers, all questions about a passage are sent to
    the same server, or to the next one if it is down; while another server is available, a request may take half of the
    remaining time.
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
        """`api` auto: completions if there is a string prompt and the server accepts it; `dialect` None: detect it."""
        self._model = model
        self._api = api
        self._timeout = timeout_s
        self._known = _Known(dialect)
        self._places = asyncio.Semaphore(at_once)
        self._replicas = Replicas(base_urls, self._is_well)
        self._clients = {address: open_client(address, api_key) for address in base_urls}
        self._closed = False

    async def complete_all(
        self, conversation: Conversation, text: str, wordings: Sequence[str], sampling: Sampling, early: Early = ignore
    ) -> list[Completion | EngineError]:
        """Return one completion per wording: concurrently, but in sequence for llama.cpp, whose slots share nothing."""
        prompts = [conversation.string_prompt(text, wording) for wording in wordings]
        if not prompts:
            return []
        route = Route(await self._replicas.pick())
        dialect = self._known.dialect or await self._in_time(route, partial(self._dialect, route))
        if isinstance(dialect, EngineError):
            return [dialect] * len(prompts)

        async def complete(number: int) -> Completion | EngineError:
            ask = partial(self._ask, prompts[number], sampling, dialect, route)
            early(number, completion := await self._in_time(route, ask))
            return completion

        if dialect == "llama-cpp":
            answers: list[Completion | EngineError] = []
            for number in range(len(prompts)):
                # Do not wait again for a server that is stuck.
                stuck = bool(answers) and isinstance(answers[-1], EngineTimeout | EngineUnavailable)
                answers.append(answers[-1] if stuck else await complete(number))
            return answers
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(complete(number)) for number in range(len(prompts))]
        return [task.result() for task in tasks]

    async def aclose(self) -> None:
        """Close the connections. Unanswered questions fail."""
        self._closed = True
        for client in self._clients.values():
            await client.close()

    async def _in_time(self, route: Route, call: Callable[[float], Awaitable[_Given]]) -> _Given | EngineError:
        """Return the result of `call(deadline)`, retried until the deadline."""
        async with self._places:
            deadline = time.monotonic() + self._timeout
            before: list[TryAgain] = []
            retrying = AsyncRetrying(
                retry=retry_if_exception_type(TryAgain),
                wait=lambda state: self._pause(state, route),
                stop=lambda state: time.monotonic() + state.upcoming_sleep >= deadline,
                before_sleep=lambda state: before.append(_failure(state)),
                reraise=True,
            )
            try:
                return await retrying(call, deadline)
            except TryAgain as error:
                # The last attempt may have had hardly any time: the one before it has the better reason.
                return self._given_up(before[-1] if error.late and before else error)
            except EngineError as error:
                return error

    def _given_up(self, error: TryAgain) -> EngineError:
        kind = EngineTimeout if error.late else EngineUnavailable
        last = f"{shown(error.address)} {error.reason}; gave up (time limit {self._timeout:g} s): {error.advice}"
        if down := self._replicas.all_down():
            return kind(f"none of the servers ({', '.join(map(shown, down))}) is available; the one at {last}")
        return kind(f"the server at {last}")

    def _pause(self, state: RetryCallState, route: Route) -> float:
        """Return the seconds to wait before the next attempt: none, if it goes to a server that is available."""
        error = _failure(state)
        if route.address != error.address and self._replicas.others_are_well(error.address):
            return 0.0
        if error.after is not None:
            return error.after
        return wait_exponential_jitter(multiplier=FIRST_WAIT, max=LONGEST_WAIT, jitter=FIRST_WAIT)(state)

    async def _ask(
        self, prompt: Prompt, sampling: Sampling, dialect: Dialect, route: Route, deadline: float
    ) -> Completion:
        """Make one attempt, with fields that the server is known to accept. Raises TryAgain or EngineError."""
        known = self._known
        for form in self._forms(prompt):
            for logprobs, schema in self._variants(form, dialect, sampling):
                if form == "completions":
                    body = completion_body(prompt, sampling, dialect, logprobs=logprobs)
                else:
                    body = chat_body(prompt, sampling, dialect, logprobs=logprobs, schema=schema)
                try:
                    completion = await self._post(route, deadline, form, body)
                except Refused:
                    continue
                except NotFound:
                    break
                known.chat, known.logprobs, known.schema = form == "chat", logprobs, schema
                return completion
            else:
                raise EngineError(
                    f"the server at {shown(route.address)} refused the question (400): it may be too long for the "
                    "model's context; see the server's log"
                )
        raise EngineError(
            f"the server at {shown(route.address)} has no model {self._model}, or does not support the requested API: "
            "check `model`, `api`, and that `base_url` has the path of the API (mostly /v1)"
        )

    def _forms(self, prompt: Prompt) -> list[str]:
        """Return the APIs that the prompt, the settings and the server allow, the preferred one first."""
        has = {"completions": bool(prompt.pieces) and not self._known.chat, "chat": bool(prompt.messages)}
        return [form for form in has if has[form] and self._api in ("auto", form)]

    def _variants(self, form: str, dialect: Dialect, sampling: Sampling) -> list[tuple[bool, bool]]:
        """Return the combinations of probabilities and schema to try, except those that servers have refused."""
        logprobs = [True, False] if self._known.logprobs else [False]
        schema = [self._known.schema]
        if form == "chat" and dialect == "other" and sampling.grammar and self._known.schema:
            schema = [True, False]
        return [(first, second) for first in logprobs for second in schema]

    async def _post(self, route: Route, deadline: float, form: str, body: dict[str, object]) -> Completion:
        import httpx2

        path = "/completions" if form == "completions" else "/chat/completions"
        async with self._request(route, deadline) as client:
            reply = await client.post(path, cast_to=httpx2.Response, body={"model": self._model, **body})
            return read_reply(reply.content)

    @asynccontextmanager
    async def _request(self, route: Route, deadline: float) -> AsyncGenerator[AsyncOpenAI]:
        """Provide a client for one request to the server of the route, and raise its failures as our own errors."""
        import openai

        address = route.address
        left = deadline - time.monotonic()
        try:
            async with asyncio.timeout(left / 2 if self._replicas.others_are_well(address) else left):
                yield self._client(address)
        except openai.APIStatusError as error:
            if error.status_code >= 500:
                await self._leave(route, address)
            raise meaning(address, error.status_code, error.response.headers.get("retry-after")) from None
        except TimeoutError:
            await self._leave(route, address)
            advice = "raise `timeout_s`, or lower `requests_at_once`"
            raise TryAgain(address, "did not answer in time", advice, late=True) from None
        except openai.APIConnectionError:
            await self._leave(route, address)
            advice = "check that it runs and that `base_url` is correct"
            raise TryAgain(address, "cannot be reached or dropped the connection", advice) from None
        except ValueError:
            await self._leave(route, address)
            advice = "check that `base_url` has the path of the API (mostly /v1)"
            raise TryAgain(address, "sent a reply that is not a JSON completion", advice) from None
        self._replicas.is_well(address)

    async def _leave(self, route: Route, address: str) -> None:
        """Mark the server as down and switch to another one, if there is one that may be available."""
        self._replicas.is_down(address)
        if route.address == address:
            other = await self._replicas.pick()
            if route.address == address:  # Another question may have switched meanwhile: they stay together.
                route.address = other

    async def _dialect(self, route: Route, deadline: float) -> Dialect:
        """Return the kind of server, detected once: `other` if it answers but lists no models. Raises TryAgain."""
        import httpx2

        if self._known.dialect is None:
            found: Dialect = "other"
            with suppress(Refused, NotFound, EngineError):
                async with self._request(route, deadline) as client:
                    reply = await client.get("/models", cast_to=httpx2.Response)
                with suppress(ValidationError):
                    found = ModelList.model_validate_json(reply.content).dialect()
            self._known.dialect = found
        return self._known.dialect

    async def _is_well(self, address: str) -> bool:
        import httpx2
        import openai

        try:
            async with asyncio.timeout(CHECK_TIMEOUT):
                await self._client(address).get("/models", cast_to=httpx2.Response)
        except openai.APIStatusError as error:
            return error.status_code < 500
        except (openai.APIConnectionError, TimeoutError):
            return False
        return True

    def _client(self, address: str) -> AsyncOpenAI:
        if self._closed:
            raise EngineError("the connections to the servers are closed: open a new engine")
        return self._clients[address]


def served_models(base_url: str, api_key: str | None, timeout_s: float) -> list[str]:
    """Return the names of a server's models. Raises EngineError."""
    import httpx2
    import openai

    http = openai.DefaultHttpxClient(trust_env=leaves_machine(base_url))
    key = api_key or NO_KEY
    with openai.OpenAI(base_url=base_url, api_key=key, max_retries=0, timeout=timeout_s, http_client=http) as client:
        drop_environment_headers(client)
        try:
            reply = client.get("/models", cast_to=httpx2.Response)
            return [model.id for model in ModelList.model_validate_json(reply.content).data]
        except openai.AuthenticationError:
            raise EngineError(f"{shown(base_url)} refused the key: set `api_key` (UNINER_API_KEY).") from None
        except openai.APIConnectionError:
            raise EngineError(
                f"{shown(base_url)} cannot be reached: start the server, or correct `base_url`."
            ) from None
        except (openai.APIStatusError, ValidationError):
            raise EngineError(
                f"{shown(base_url)} does not list its models at /models: set `model`, and check that `base_url` has "
                "the path of the API (mostly /v1)."
            ) from None


def _failure(state: RetryCallState) -> TryAgain:
    return cast(TryAgain, state.outcome and state.outcome.exception())
