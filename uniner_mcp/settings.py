"""The settings. Precedence, lowest first: defaults, settings file, environment (`UNINER_*`), command line.

The settings file is `uniner.toml` in the user's configuration folder, or the one named by `--config` or UNINER_CONFIG.
A file in the working folder is not read: settings decide where texts and keys are sent, and a cloned repository must
not.
"""

from __future__ import annotations

import logging
import os
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, cast
from urllib.parse import urlsplit

from platformdirs import user_config_path
from pydantic import AfterValidator, BeforeValidator, Field, JsonValue, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)
from pydantic_settings import SettingsError as UnparsableSetting

from uniner_mcp.errors import SettingsError
from uniner_mcp.files import quoted, read_toml, user_path

logger = logging.getLogger(__name__)


def _listed(given: object) -> object:
    """Split the comma-separated values of an environment variable."""
    return [part.strip() for part in given.split(",") if part.strip()] if isinstance(given, str) else given


def _checked(url: str) -> str:
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid or any(letter.isspace() or letter == "," for letter in url):
        raise ValueError("give URLs as http://host:port/v1")
    return url


def _named(name: str) -> str:
    user_path(name)
    return name


Address = Annotated[str, AfterValidator(_checked)]
Seconds = Annotated[float, Field(gt=0, le=7 * 86_400, allow_inf_nan=False)]
UserPath = Annotated[Path, AfterValidator(user_path)]
NameOrPath = Annotated[str, Field(min_length=1), AfterValidator(_named)]
PREFIX = "UNINER_"
FILE = "uniner.toml"
_PATHS = ("nano_path", "cache_path", "ledger_path")
_FILES = {"model": ".gguf", "profile": ".toml", "fallback": ".toml"}
"""Settings that are a path if they end in this suffix."""


class Settings(BaseSettings):
    """The settings. Each field is `UNINER_<NAME>` in the environment and `<name>` in the settings file."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    config: UserPath | None = Field(
        default=None, description="Path of the settings file; default: uniner.toml in the user's configuration folder."
    )
    engine: Literal["auto", "nano", "vllm", "llama-cpp", "openai"] = Field(
        default="auto",
        description=(
            "Engine to use. auto: a server if `base_url` is set, vLLM if there is a GPU, llama.cpp if `model` is "
            "a GGUF file, otherwise nano."
        ),
    )
    model: NameOrPath | None = Field(
        default=None,
        description=(
            "Model: a folder or Hugging Face id (vllm), a GGUF file or `id:file` (llama-cpp), a served name (openai)."
        ),
    )
    profile: NameOrPath | None = Field(
        default=None, description="Prompt profile of the model: a name, or the path of a TOML file."
    )
    base_url: Annotated[tuple[Address, ...], NoDecode, BeforeValidator(_listed)] = Field(
        default=(), description="URLs of OpenAI-compatible servers, http://host:port/v1, comma-separated."
    )
    api_key: SecretStr | None = Field(default=None, description="API key of these servers.")
    api: Literal["auto", "completions", "chat"] = Field(
        default="auto",
        description="Send a complete prompt, or chat messages for the server's template; auto: whichever works.",
    )
    timeout_s: Seconds = Field(
        default=60, description="Timeout of one question to a server in seconds, including retries."
    )
    requests_at_once: int = Field(
        default=64, ge=1, le=1_000_000, description="Maximum number of concurrent questions to the servers."
    )
    vllm_options: dict[str, JsonValue] = Field(
        default={}, description="Options of vLLM's engine: dtype, quantization, tensor_parallel_size, …"
    )
    llama_options: dict[str, JsonValue] = Field(
        default={}, description="Options of llama.cpp: n_ctx, n_gpu_layers, n_threads, …"
    )
    nano_path: UserPath | None = Field(
        default=None, description="Folder with nano weights to use instead of the shipped ones."
    )
    cache: bool = Field(default=True, description="Store answers on disk and reuse them.")
    cache_path: UserPath | None = Field(
        default=None, description="Path of the cache file; default: in the user's cache folder."
    )
    cache_max_mb: int = Field(
        default=256,
        ge=1,
        le=1_000_000,
        description="Maximum size of the cache in MiB; the least recently used answers are evicted.",
    )
    cache_max_age_days: float | None = Field(
        default=None,
        gt=0,
        le=36_500,
        allow_inf_nan=False,
        description="Maximum age of cached answers in days; none: unlimited.",
    )
    fallback: NameOrPath = Field(
        default="none",
        description=(
            "When to ask a teacher: none, on-failure, low-confidence, teacher-only, or the path of a TOML file."
        ),
    )
    ledger_path: UserPath | None = Field(
        default=None,
        description="Path of the file that records what teachers cost; default: in the user's state folder.",
    )
    breaker_failures: int = Field(
        default=5,
        ge=1,
        le=1_000_000,
        description="Consecutive failed calls after which the circuit breaker of an engine or teacher opens.",
    )
    breaker_pause_s: Seconds = Field(default=15, description="Seconds for which it then stays open.")
    request_timeout_s: Seconds | None = Field(
        default=None,
        description=(
            "Timeout of a whole request in seconds; what is missing then is listed as unanswered. Default: 300 for the "
            "server, otherwise none."
        ),
    )
    transport: Literal["stdio", "http"] = Field(
        default="stdio", description="How clients reach the server: stdio if they start it themselves, otherwise http."
    )
    host: str = Field(default="127.0.0.1", min_length=1, description="Address that the server listens on (http).")
    port: int = Field(default=8000, ge=1, le=65535, description="Port that the server listens on (http).")
    allowed_hosts: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)] = Field(
        default=(),
        description="Host names by which clients reach the server, besides loopback names; comma-separated (http).",
    )
    stateless: bool = Field(
        default=False,
        description=(
            "Keep no sessions (http): clients go on after a restart, and any of several processes can answer. Consent "
            "can then be asked only of clients with protocol revision 2026-07-28."
        ),
    )
    concurrency: int = Field(
        default=8, ge=1, le=1_000_000, description="Maximum number of passages that an engine processes concurrently."
    )
    max_text_chars: int = Field(
        default=1_000_000, ge=1, le=1_000_000_000, description="Maximum length of a text, in characters."
    )
    files: Annotated[tuple[UserPath, ...], NoDecode, BeforeValidator(_listed)] = Field(
        default=(),
        description=(
            "Folders whose files clients of the server may have read (tool extract_from_file), comma-separated; "
            "default: none, and then there is no such tool."
        ),
    )
    max_file_mb: float = Field(
        default=50, gt=0, le=10_000, allow_inf_nan=False, description="Maximum size of a file in MB."
    )
    max_types: int = Field(default=64, ge=1, le=1_000_000, description="Maximum number of entity types per request.")
    max_result_chars: int = Field(
        default=20_000,
        ge=1_000,
        le=1_000_000_000,
        description=(
            "Maximum length of a tool result in characters of JSON, of which non-ASCII ones count as the UTF-8 bytes "
            "they take; what is left out comes with another call (`next_start`). Most hosts show a model about 25,000 "
            "tokens or less; the default is about 6,000."
        ),
    )
    max_waiting: int = Field(
        default=250,
        ge=0,
        le=1_000_000,
        description="Maximum number of tool calls that wait besides `concurrency` running ones; others are refused.",
    )
    drain_timeout_s: float = Field(
        default=10,
        ge=0,
        le=86_400,
        allow_inf_nan=False,
        description="Seconds in which running calls may finish when the server is stopped.",
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return the sources, highest precedence first: command line (init), environment, settings file."""
        given = init_settings()
        values = _read_file(given.get("config") or os.environ.get(f"{PREFIX}CONFIG"))
        return init_settings, env_settings, InitSettingsSource(settings_cls, values)


def load_settings(**given: object) -> Settings:
    """Load the settings from file and environment, overridden by `given`; None means not given.

    Raises SettingsError, which names the setting but not its value: values may be secret.
    """
    try:
        _check_variables()
        return Settings(**{name: value for name, value in given.items() if value is not None})  # pyright: ignore[reportArgumentType]
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        # Of an item of a list, the setting and not its index.
        name = ".".join(part for part in first["loc"] if isinstance(part, str))
        if first["type"] == "extra_forbidden":
            raise SettingsError(f"Unknown setting `{name}`. {_known()}") from None
        said = first["msg"].removeprefix("Value error, ").rstrip(".")
        raise SettingsError(f"Setting `{name}` ({PREFIX}{name.upper()} or {FILE}) is not valid: {said}.") from None
    except UnparsableSetting as error:
        # The message names the field; its cause contains the value.
        raise SettingsError(f'Cannot parse the environment: {error}. Use JSON, such as {{"n_threads": 2}}.') from None


def settings_file() -> Path:
    """Return the path of the settings file that is read if no other is named."""
    return user_config_path("uniner-mcp", appauthor=False) / FILE


def set_variables() -> list[str]:
    """Return the names of the environment variables that set something, sorted."""
    return sorted(name for name in map(str.upper, os.environ) if name.startswith(PREFIX))


def _check_variables() -> None:
    """Raise SettingsError for a variable that looks like a misspelt setting, and warn about other unknown ones.

    Those may be somebody else's: Kubernetes sets UNINER_MCP_PORT for a service that is called uniner-mcp.
    """
    known = [name.upper() for name in Settings.model_fields]
    for variable in set_variables():
        name = variable.removeprefix(PREFIX)
        if name in known:
            continue
        if near := get_close_matches(name, known, 1, 0.8):
            raise SettingsError(f"Unknown environment variable {variable}: did you mean {PREFIX}{near[0]}?")
        logger.warning("The unknown environment variable %s is ignored", variable)


def _known() -> str:
    return f"Known settings: {', '.join(Settings.model_fields)}."


def _read_file(named: Any) -> dict[str, Any]:
    """The values of the settings file; paths in it are relative to its folder."""
    path = user_path(named) if named else settings_file()
    try:
        values = read_toml(path)
    except FileNotFoundError:
        if named:
            raise SettingsError(f"The settings file {quoted(path)} does not exist.") from None
        return {}
    if "config" in values:
        raise SettingsError(f"{path} cannot name another settings file: remove `config`.")
    folders = _listed(values.get("files"))
    if isinstance(folders, list):
        given = cast("list[object]", folders)
        # The validation names what is not a path.
        values["files"] = [
            str(path.absolute().parent / user_path(one)) if isinstance(one, str) else one for one in given
        ]
    for name, value in values.items():
        if isinstance(value, str) and (name in _PATHS or value.casefold().endswith(_FILES.get(name, "\0"))):
            values[name] = str(path.absolute().parent / user_path(value))
    return values
