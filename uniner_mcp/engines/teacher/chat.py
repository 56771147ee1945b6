"""One request to the teacher's server, and its failures. Its messages may contain text and are not repeated."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

from pydantic import BaseModel, Field, ValidationError

from uniner_mcp.engines.generative.failures import AGAIN, TryAgain, seconds_to_wait
from uniner_mcp.engines.teacher.policy import Policy
from uniner_mcp.errors import AnswerRefused, EngineError, EngineUnavailable

if TYPE_CHECKING:
    import openai

_REPLACED = {"max_completion_tokens": "max_tokens"}
"""Fields that have another name on older servers."""
_NEEDED = frozenset({"model", "messages"})


class Usage(BaseModel):
    """Tokens that were billed."""

    prompt_tokens: int
    completion_tokens: int


class _Message(BaseModel):
    content: str | None = None
    refusal: str | None = None


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None = None


class _Reply(BaseModel):
    choices: list[_Choice] = Field(min_length=1)
    usage: Usage | None = None


class Reply(BaseModel):
    """The output of the teacher. `refused` is the reason if it is missing; `cut` means that it is incomplete."""

    content: str | None
    refused: str | None
    cut: bool
    usage: Usage | None


def read_reply(content: bytes, who: str) -> Reply:
    """Parse a chat completion. Raises ValidationError if it is not valid."""
    reply = _Reply.model_validate_json(content)
    choice = reply.choices[0]
    refused = None
    if choice.message.refusal is not None:
        refused = f"{who} declined to answer"
    elif choice.finish_reason == "content_filter":
        refused = f"the content filter of {who} stopped the answer"
    cut = choice.finish_reason == "length"
    return Reply(content=choice.message.content, refused=refused, cut=cut, usage=reply.usage)


class Unbilled(Exception):
    """A failure that costs nothing; `error` is the failure itself."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


class Chat:
    """Sends requests to the server of a policy's teacher. Nothing is sent before the first one."""

    def __init__(self, policy: Policy, client: openai.AsyncOpenAI) -> None:
        """`client` has no retries and timeouts of its own; it is closed together with this object."""
        assert policy.teacher is not None
        self._policy = policy
        self._teacher = policy.teacher
        self._client = client
        self._refused: set[str] = set()

    def body(self, messages: list[dict[str, str]], response_format: dict[str, object] | None) -> dict[str, object]:
        """Return the request, without the fields that the server has refused."""
        fields: dict[str, object] = {
            "model": self._teacher.model,
            "messages": messages,
            **({"response_format": response_format} if response_format is not None else {}),
            "max_completion_tokens": self._teacher.max_answer_tokens,
            **self._teacher.options,
        }
        for name, other in _REPLACED.items():
            if name in self._refused:
                fields[other] = fields[name]
        return {name: value for name, value in fields.items() if name not in self._refused}

    async def post(self, body: dict[str, object], seconds: float) -> Reply:
        """Send a request and return the reply.

        Raises TryAgain or EngineError, wrapped in Unbilled if the server certainly did no work.
        """
        import httpx2
        import openai

        policy, address = self._policy, self._teacher.base_url
        try:
            async with asyncio.timeout(seconds):
                raw = await self._client.post("/chat/completions", cast_to=httpx2.Response, body=body)
                return read_reply(raw.content, policy.who())
        except openai.APIStatusError as error:
            raise Unbilled(self._meaning(error, body)) from None
        except TimeoutError:
            raise TryAgain(address, "did not answer in time", "raise `timeout_s` of the teacher", late=True) from None
        except openai.APIConnectionError as error:
            again = TryAgain(address, "cannot be reached or dropped the connection", "check `base_url` of the teacher")
            refused = isinstance(error.__cause__, httpx2.ConnectError | httpx2.ConnectTimeout)
            raise (Unbilled(again) if refused else again) from None
        except ValidationError:
            raise TryAgain(address, "sent a reply that is not a JSON completion", "check its `base_url`") from None

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.close()

    def _meaning(self, error: openai.APIStatusError, body: Mapping[str, object]) -> Exception:
        policy, address, status, code = self._policy, self._teacher.base_url, error.status_code, error.code or ""
        who = policy.who()
        if status in (400, 422):
            if error.param is not None and self._leave_out(error.param, body):
                return TryAgain(address, "does not accept a field of the request", "see its log", after=0.0)
            if code == "content_filter":
                return AnswerRefused(f"the content filter of {who} refused the text")
            if code == "context_length_exceeded":
                return EngineError(f"the passage is too long for {who}: lower `max_chars` in [send]")
            return EngineError(f"{who} refused the request ({status}): check `options` and `model` of the policy")
        if status in (401, 403):
            variable = self._teacher.key_variable or "`key_variable`"
            return EngineError(f"{who} refused the key ({status}): set {variable} to a valid one")
        if status in (404, 405):
            return EngineError(f"{who} was not found ({status}): check `model`, and that `base_url` ends in /v1")
        if code == "insufficient_quota":
            return EngineUnavailable(f"the account at {who} has no credit left ({status}): add credit")
        if status in AGAIN:
            after = seconds_to_wait(error.response.headers.get("retry-after"))
            asks = f" and asks to wait {after:.0f} s" if after else ""
            return TryAgain(address, f"answered {status}{asks}", "try again later", after)
        return EngineError(f"{who} answered {status}")

    def _leave_out(self, param: str, body: Mapping[str, object]) -> bool:
        """From now on, omit a field that the server does not accept. Return False if the request needs it."""
        name = param.partition(".")[0]
        dispensable = {"response_format", "max_completion_tokens", *self._teacher.options} - _NEEDED
        if name not in dispensable or name not in body:
            return False
        self._refused.add(name)
        return True
