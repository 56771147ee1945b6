"""Fallback policies: when a question is passed on to the teacher, what may be sent, and what it may cost.

The shipped policies are in `fallbacks/*.toml`. A user's policy is a TOML file with the same keys, which may extend
another policy (`extends`).
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, cast

import orjson
from pydantic import BeforeValidator, Field, JsonValue, ValidationError, model_validator

from uniner_mcp.domains import find_domain
from uniner_mcp.engines.base import Cost
from uniner_mcp.engines.generative.addresses import shown
from uniner_mcp.engines.teacher.redaction import Redactable
from uniner_mcp.errors import RequestError, SettingsError
from uniner_mcp.files import quoted, read_toml, user_path
from uniner_mcp.schema import Frozen
from uniner_mcp.settings import Address
from uniner_mcp.shipped import shipped_text

SHIPPED = ("none", "on-failure", "low-confidence", "teacher-only")
_MOST_EXTENDED = 8
_ENVELOPE = 256
"""Tokens that a server may add to a request, for roles and the like."""

Trigger = Literal["always", "unavailable", "timeout", "circuit-open", "unreadable", "failed"]
"""When a question is passed on: always, or after a failure of the local engine (`failed`: any other failure)."""


def _domain(name: object) -> object:
    try:
        return find_domain(name).name if isinstance(name, str) else name
    except RequestError as error:
        raise ValueError(str(error)) from None


class TeacherSettings(Frozen):
    """The model to ask, its server, and limits.

    key_variable: name of the environment variable that contains the key; empty if the server needs none.
    timeout_s: seconds for one passage, including retries.
    max_answer_tokens: maximum length of the answer for one passage; this length is reserved for each attempt.
    options: further fields of the request, such as `temperature` and `reasoning_effort`.
    """

    model: str = Field(min_length=1)
    base_url: Address = "https://api.openai.com/v1"
    key_variable: str = "OPENAI_API_KEY"
    timeout_s: float = Field(default=30, gt=0)
    max_answer_tokens: int = Field(default=2048, ge=16)
    options: Mapping[str, JsonValue] = Field(default_factory=dict[str, JsonValue])


class Triggers(Frozen):
    """When a question is passed on to the teacher; any one of the triggers is enough.

    confidence_below: a local mention has a lower confidence (0 to 1).
    accuracy_below: the local model is known to have a lower F1, in percent, in the domain or for the type.
    """

    on: tuple[Trigger, ...] = ()
    confidence_below: float | None = Field(default=None, gt=0, le=1)
    accuracy_below: float | None = Field(default=None, gt=0, le=100)


class Sending(Frozen):
    """What may be sent: domains that are never sent, maximum length of a passage, and values to redact."""

    never_domains: tuple[Annotated[str, BeforeValidator(_domain)], ...] = ()
    max_chars: int = Field(default=20_000, ge=1)
    redact: tuple[Redactable, ...] = ()


class Limit(Frozen):
    """The maximum that may be spent; None means no limit."""

    questions: int | None = Field(default=None, ge=0)
    tokens: int | None = Field(default=None, ge=0)
    usd: float | None = Field(default=None, ge=0)


class Budget(Frozen):
    """Limits for one request and for one day (UTC).

    when_spent: what happens when they are reached. `keep-local`: the local answer is kept, if there is one;
        `unanswered`: the question is unanswered.
    """

    request: Limit = Limit()
    day: Limit = Limit()
    when_spent: Literal["keep-local", "unanswered"] = "keep-local"


class Price(Frozen):
    """US dollars per million tokens."""

    input: float = Field(ge=0)
    output: float = Field(ge=0)


class Policy(Frozen):
    """A fallback policy.

    consent: `never`: nothing is sent; `operator`: whoever chose the policy has consented; `ask`: the user is asked.
    serve_later: whether a teacher's answer in the cache is returned before the local engine is asked.
    """

    name: str
    description: str = Field(min_length=1)
    consent: Literal["never", "operator", "ask"]
    teacher: TeacherSettings | None = None
    triggers: Triggers = Triggers()
    send: Sending = Sending()
    budget: Budget = Budget()
    serve_later: bool = True
    prices: Mapping[str, Price] = Field(default_factory=dict[str, Price])

    @model_validator(mode="after")
    def _makes_sense(self) -> Policy:
        if self.consent == "never":
            return self
        if self.teacher is None:
            raise ValueError("`teacher` is missing: name the model to ask ([teacher] model = …)")
        triggers = self.triggers
        if not triggers.on and triggers.confidence_below is None and triggers.accuracy_below is None:
            raise ValueError('`triggers` is empty: define when the teacher is asked, or set consent = "never"')
        limited = self.budget.request.usd is not None or self.budget.day.usd is not None
        if limited and self.teacher.model not in self.prices:
            raise ValueError(
                f'`prices` has no {self.teacher.model}, and a budget is in usd: add [prices."{self.teacher.model}"] '
                "with input and output"
            )
        return self

    def may_send(self) -> bool:
        """Return whether texts may be sent to a teacher."""
        return self.consent != "never"

    def asks_only_teacher(self) -> bool:
        """Return whether only the teacher is asked, so that the local engine is not opened."""
        return self.may_send() and "always" in self.triggers.on

    def key(self) -> str | None:
        """Return the teacher's key from the environment, None if it needs none. Raises SettingsError if not set."""
        variable = self.teacher.key_variable if self.teacher is not None else ""
        if not variable:
            return None
        if key := os.environ.get(variable):
            return key
        raise SettingsError(
            f"The fallback policy {self.name} needs its teacher's key: set {variable} in the environment, set "
            '`key_variable` to another variable (or to "" for a server without keys), or choose --fallback none.'
        )

    def cost(self, questions: int, input_tokens: int, output_tokens: int, share: float = 1.0) -> Cost:
        """Return the cost according to the price list, multiplied by `share` for a discount."""
        price = self.prices.get(self.teacher.model) if self.teacher is not None else None
        usd = (input_tokens * price.input + output_tokens * price.output) / 1e6 * share if price is not None else 0.0
        return Cost(questions, input_tokens, output_tokens, usd)

    def worst_case(self, questions: int, body: Mapping[str, object]) -> Cost:
        """Return the maximum cost of a request: one token per byte of its body, and the longest answer."""
        assert self.teacher is not None
        return self.cost(questions, len(orjson.dumps(body)) + _ENVELOPE, self.teacher.max_answer_tokens)

    def who(self) -> str:
        """Return model and host of the teacher, for messages. The policy must have a teacher."""
        assert self.teacher is not None
        return f"{self.teacher.model} at {shown(self.teacher.base_url)}"


def load_policy(chosen: str) -> Policy:
    """Return the policy with that name, or from that TOML file. Raises SettingsError with the file and the key."""
    return _checked(chosen, _read(chosen))


def _read(chosen: str, depth: int = 0) -> dict[str, object]:
    """Return the keys of a policy, including those of the policy that it extends."""
    if depth > _MOST_EXTENDED:
        raise SettingsError(f"The fallback policy {chosen} extends itself: correct `extends`.")
    try:
        keys: dict[str, object] = (
            tomllib.loads(shipped_text("fallbacks", f"{chosen}.toml"))
            if chosen in SHIPPED
            else read_toml(user_path(chosen))
        )
    except FileNotFoundError:
        raise SettingsError(
            f"The fallback policy {quoted(chosen)} does not exist: choose one of {', '.join(SHIPPED)}, or give the "
            "path of a TOML file."
        ) from None
    base = keys.pop("extends", None)
    if base is None:
        return keys
    if not isinstance(base, str):
        raise SettingsError(
            f"The fallback policy {chosen} is not valid (extends): give the name or the path of a policy."
        )
    beside = user_path(chosen).parent / base
    return _merged(_read(base if base in SHIPPED else str(beside), depth + 1), keys)


def _merged(below: Mapping[str, object], above: Mapping[str, object]) -> dict[str, object]:
    """Merge tables key by key, and replace all other values."""
    merged = dict(below)
    for key, value in above.items():
        under = merged.get(key)
        if isinstance(under, dict) and isinstance(value, dict):
            value = _merged(cast("dict[str, object]", under), cast("dict[str, object]", value))
        merged[key] = value
    return merged


def _checked(chosen: str, keys: Mapping[str, object]) -> Policy:
    try:
        return Policy.model_validate({"name": Path(chosen).stem, **keys})
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        key = ".".join(map(str, first["loc"])) or "as a whole"
        said = first["msg"].removeprefix("Value error, ")
        if first["type"] == "extra_forbidden":
            said = "there is no such key"
        raise SettingsError(f"The fallback policy {chosen} is not valid ({key}): {said}.") from None
