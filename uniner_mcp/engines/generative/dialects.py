"""The differences between OpenAI-compatible servers: how grammars are sent and probabilities returned (pure)."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ValidationError

from uniner_mcp.engines.generative.conversation import Prompt
from uniner_mcp.engines.generative.engine import Completion, Sampling
from uniner_mcp.engines.generative.reading import Token

Dialect = Literal["vllm", "llama-cpp", "other"]
_OWNERS: dict[str, Dialect] = {"vllm": "vllm", "llamacpp": "llama-cpp"}
_LIST_SCHEMA = {
    "type": "object",
    "properties": {"mentions": {"type": "array", "items": {"type": "string"}}},
    "required": ["mentions"],
    "additionalProperties": False,
}


class _Listed(BaseModel):
    id: str
    owned_by: str = ""


class ModelList(BaseModel):
    """The answer to GET /models."""

    data: list[_Listed]

    def dialect(self) -> Dialect:
        """Return the kind of server, by the owner that it reports for its models."""
        for model in self.data:
            if model.owned_by in _OWNERS:
                return _OWNERS[model.owned_by]
        return "other"


class _Message(BaseModel):
    content: str | None = None


class _Choice(BaseModel):
    text: str | None = None
    message: _Message | None = None
    logprobs: object = None


class _Reply(BaseModel):
    choices: list[_Choice]


class _Spelt(BaseModel):
    token: str
    logprob: float
    bytes: list[int] | None = None


class _ChatLogprobs(BaseModel):
    content: list[_Spelt]


class _Logprobs(BaseModel):
    tokens: list[str]
    token_logprobs: list[float]


def completion_body(prompt: Prompt, sampling: Sampling, dialect: Dialect, *, logprobs: bool) -> dict[str, object]:
    """Return the body of a request to /completions, without the model."""
    body: dict[str, object] = {"prompt": prompt.text, **_common(sampling)}
    if logprobs:
        body["logprobs"] = 1
    return body | _constraint(sampling, dialect)


def chat_body(
    prompt: Prompt, sampling: Sampling, dialect: Dialect, *, logprobs: bool, schema: bool
) -> dict[str, object]:
    """Return the body of a request to /chat/completions, without the model."""
    turns = [{"role": turn.role, "content": turn.content} for turn in prompt.messages]
    body: dict[str, object] = {"messages": turns, **_common(sampling)}
    if logprobs:
        body["logprobs"] = True
    if dialect == "other" and schema and sampling.grammar:
        body["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": "mentions", "strict": True, "schema": _LIST_SCHEMA},
        }
    return body | _constraint(sampling, dialect)


def read_reply(content: bytes) -> Completion:
    """Return the completion in a reply of either API. Raises ValueError if there is none."""
    choice = _Reply.model_validate_json(content).choices[:1]
    text = (choice[0].text if choice[0].message is None else choice[0].message.content) if choice else None
    if text is None:
        raise ValueError("the reply has no text")
    return Completion(text, _tokens(choice[0].logprobs))


def _common(sampling: Sampling) -> dict[str, object]:
    common: dict[str, object] = {
        "max_tokens": sampling.max_tokens,
        "temperature": sampling.temperature,
        "seed": sampling.seed,
    }
    return common | ({"stop": list(sampling.stop)} if sampling.stop else {})


def _constraint(sampling: Sampling, dialect: Dialect) -> dict[str, object]:
    """Return the fields that constrain the output. vLLM silently ignores fields that it does not know."""
    match dialect:
        case "vllm":
            return {"structured_outputs": {"grammar": sampling.grammar}} if sampling.grammar else {}
        case "llama-cpp":
            return {"cache_prompt": True, **({"grammar": sampling.grammar} if sampling.grammar else {})}
        case "other":
            return {}


def _tokens(logprobs: object) -> tuple[Token, ...] | None:
    """Return the tokens in either of the two common formats, or None if there are none."""
    try:
        spelt = _ChatLogprobs.model_validate(logprobs).content
        return tuple(Token(bytes(t.bytes) if t.bytes is not None else t.token.encode(), t.logprob) for t in spelt)
    except ValidationError:
        pass
    try:
        flat = _Logprobs.model_validate(logprobs)
        pairs = zip(flat.tokens, flat.token_logprobs, strict=True)
        return tuple(Token(token.encode(), logprob) for token, logprob in pairs)
    except ValueError:
        return None
