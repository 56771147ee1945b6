"""Model profiles: the prompts of a model, its limits and its licence.

The shipped profiles are in `profiles.toml` beside this file; a user can write a TOML file with the same keys.
"""

from __future__ import annotations

import hashlib
import tomllib
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Self

from pydantic import Field, ValidationError, model_validator

from uniner_mcp.engines.generative.conversation import Conversation, read_messages
from uniner_mcp.errors import SettingsError
from uniner_mcp.files import quoted, read_toml, user_path
from uniner_mcp.schema import Frozen
from uniner_mcp.shipped import load_prompt

UNKNOWN_LICENCE = "unknown, see the model card"


class Profile(Frozen):
    """How to ask a model.

    `prompt` and `chat` name shipped prompts (`prompts/NAME.txt`); `template` and `messages` contain the same in the
    profile itself. A prompt is a string up to the answer, a chat has one turn per line (`user: …`). Both contain
    `{text}` and `{type}`, and `{dataset}` if `dataset` is given.
    """

    name: str = Field(min_length=1)
    description: str = ""
    models: tuple[str, ...] = ()
    prompt: str | None = None
    template: str | None = None
    chat: str | None = None
    messages: str | None = None
    dataset: str | None = None
    special_tokens: tuple[str, ...] = ()
    stop: tuple[str, ...] = ()
    context_budget: int = Field(ge=16)
    max_answer_tokens: int = Field(ge=1)
    constrained: bool = True
    licence: str = UNKNOWN_LICENCE
    accuracy_of: str | None = None

    @model_validator(mode="after")
    def _asks_something(self) -> Self:
        if self.prompt and self.template:
            raise ValueError("give only one of `prompt` and `template`")
        if self.chat and self.messages:
            raise ValueError("give only one of `chat` and `messages`")
        forms = [form for form in self._forms() if form is not None]
        if not forms:
            raise ValueError("give `prompt` or `template` (a string), or `chat` or `messages` (turns)")
        for form in forms:
            if any(value not in form for value in ("{text}", "{type}")):
                raise ValueError("a prompt must contain {text} and {type}")
            if ("{dataset}" in form) != (self.dataset is not None):
                raise ValueError("give both `dataset` and {dataset} in the prompt, or neither")
        self.conversation()
        return self

    def conversation(self) -> Conversation:
        """Return the prompts of this profile, ready to be filled in."""
        template, chat = self._forms()
        turns = read_messages(chat) if chat is not None else ()
        values = {"dataset": self.dataset} if self.dataset is not None else {}
        return Conversation(template, turns, self.special_tokens, values)

    def licence_of(self, model: str) -> str:
        """Return the licence of a model; it is unknown if the profile has patterns and none of them matches."""
        return self.licence if self.fits(model) or not self.models else UNKNOWN_LICENCE

    def fits(self, model: str) -> bool:
        """Return whether one of the patterns matches the model's name, ignoring case."""
        return any(fnmatchcase(model.casefold(), pattern) for pattern in self.models)

    def fingerprint(self) -> str:
        """Return a hash of the prompts, their versions, and the parameters of decoding."""
        prompts = [load_prompt(name) for name in (self.prompt, self.chat) if name is not None]
        parts = [self.model_dump_json(exclude={"name", "description", "models", "licence", "accuracy_of"}), *prompts]
        return hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()[:16]

    def _forms(self) -> tuple[str | None, str | None]:
        template = load_prompt(self.prompt).template if self.prompt else self.template
        chat = load_prompt(self.chat).template if self.chat else self.messages
        return template, chat.strip() if chat else None


@cache
def shipped_profiles() -> tuple[Profile, ...]:
    """Return the profiles in the package, in the order in which they are tried."""
    text = files("uniner_mcp.engines.generative").joinpath("profiles.toml").read_text(encoding="utf-8")
    return tuple(Profile.model_validate(profile) for profile in tomllib.loads(text)["profiles"])


def find_profile(model: str, chosen: str | None = None, *, served: bool = True) -> Profile:
    """Return the chosen profile, given by name or as the path of a TOML file, or else the first that fits the model.

    If the model runs in this process (`served` False), no server applies a chat template: the profile must have a
    string, and the profile `uniner` is used if no other one fits. Raises SettingsError.
    """
    if chosen is not None:
        shipped = next((profile for profile in shipped_profiles() if profile.name == chosen), None)
        profile = shipped or _read(user_path(chosen))
        if not (served or profile.prompt or profile.template):
            raise SettingsError(
                f"The profile {profile.name} is a chat, and only a server can apply a chat template: choose a profile "
                "with `prompt` or `template`."
            )
        return profile
    fitting = (profile for profile in shipped_profiles() if profile.fits(model))
    if served:
        return next(fitting)
    return next((p for p in fitting if p.prompt), next(p for p in shipped_profiles() if p.name == "uniner"))


def _read(path: Path) -> Profile:
    try:
        keys = read_toml(path)
    except FileNotFoundError:
        names = ", ".join(profile.name for profile in shipped_profiles())
        raise SettingsError(
            f"The profile {quoted(path)} does not exist: choose one of {names}, or give the path of a TOML file."
        ) from None
    try:
        return Profile.model_validate(keys)
    except FileNotFoundError:
        raise SettingsError(
            f"The profile {path} names a prompt that does not exist: write the prompt as `template`."
        ) from None
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        key = ".".join(map(str, first["loc"])) or "as a whole"
        said = first["msg"].removeprefix("Value error, ")
        raise SettingsError(f"The profile {path} is not valid ({key}): {said}.") from None
