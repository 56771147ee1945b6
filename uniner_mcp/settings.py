"""All settings in one place: defaults < `uniner.toml` < environment (`UNINER_*`) < command line."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, JsonValue, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)
from pydantic_settings import SettingsError as UnparsableSetting

from uniner_mcp.errors import SettingsError


def _addresses(given: object) -> object:
    """Several addresses in one environment variable stand between commas."""
    return [part.strip() for part in given.split(",") if part.strip()] if isinstance(given, str) else given


Address = Annotated[str, Field(pattern=r"^https?://[^\s,]+$")]


class Settings(BaseSettings):
    """What an operator may set. Each field is `UNINER_<NAME>` in the environment and `<name>` in uniner.toml."""

    model_config = SettingsConfigDict(env_prefix="UNINER_", toml_file="uniner.toml", extra="forbid", frozen=True)

    engine: Literal["auto", "nano", "vllm", "llama-cpp", "openai"] = Field(
        default="auto",
        description="Which engine answers; auto: a server if `base_url` is set, vLLM if there is a GPU, llama.cpp if "
        "`model` is a GGUF file, else nano.",
    )
    model: str | None = Field(
        default=None,
        description="A folder or Hugging Face id (vllm), a GGUF file or `id:file` (llama-cpp), a served name (openai).",
    )
    profile: str | None = Field(default=None, description="How the model is asked: a profile's name or TOML file.")
    base_url: Annotated[tuple[Address, ...], NoDecode, BeforeValidator(_addresses)] = Field(
        default=(), description="Addresses of OpenAI-compatible servers, http://host:port/v1, by commas."
    )
    api_key: SecretStr | None = Field(default=None, description="Key of these servers.")
    api: Literal["auto", "completions", "chat"] = Field(
        default="auto", description="Send our own prompt, or a chat for the server's template; auto: what works."
    )
    timeout_s: float = Field(default=60, gt=0, description="Seconds for one question to a server, retries included.")
    requests_at_once: int = Field(default=64, ge=1, description="Questions that may be with the servers at once.")
    vllm_options: dict[str, JsonValue] = Field(
        default={}, description="Passed on to vLLM's engine: dtype, quantization, tensor_parallel_size, …"
    )
    llama_options: dict[str, JsonValue] = Field(
        default={}, description="Passed on to llama.cpp: n_ctx, n_gpu_layers, n_threads, …"
    )
    nano_path: Path | None = Field(default=None, description="A folder of nano weights in place of the shipped ones.")
    cache: bool = Field(default=True, description="Keep answers on disk, so that a known question costs nothing.")
    cache_path: Path | None = Field(default=None, description="File of the cache; default: the user's cache folder.")
    cache_max_mb: int = Field(default=256, ge=1, description="Size at which the least recently used answers go.")
    cache_max_age_days: float | None = Field(default=None, gt=0, description="Age at which answers go; none: never.")
    fallback: str = Field(
        default="none",
        description="When a teacher may be asked: none, on-failure, low-confidence, teacher-only, or a TOML file.",
    )
    ledger_path: Path | None = Field(
        default=None, description="File of what teachers have cost; default: the user's state folder."
    )
    breaker_failures: int = Field(
        default=5, ge=1, description="Calls that an engine or a teacher fails in a row before it is left alone."
    )
    breaker_pause_s: float = Field(default=15, gt=0, description="Seconds for which it is then left alone.")
    request_timeout_s: float | None = Field(
        default=None, gt=0, description="Seconds for a request as a whole; what is not answered then is unanswered."
    )
    concurrency: int = Field(default=8, ge=1, description="Passages that may be with the engine at once.")
    max_text_chars: int = Field(default=1_000_000, ge=1, description="Longest text of one request, in characters.")
    max_types: int = Field(default=64, ge=1, description="Most entity types of one request.")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Command line (init), environment, then the file in the working folder."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


def load_settings(**given: object) -> Settings:
    """Settings from file and environment, with what is given on top (None: not given).

    Raises SettingsError that names the setting; values are not repeated, they may be secret.
    """
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})  # pyright: ignore[reportArgumentType]
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        # Of a list, the setting and not the place in it.
        name = ".".join(part for part in first["loc"] if isinstance(part, str))
        if first["type"] == "extra_forbidden":
            raise SettingsError(f"Unknown setting `{name}`; there are {', '.join(Settings.model_fields)}.") from None
        said = "give addresses as http://host:port/v1" if first["type"] == "string_pattern_mismatch" else first["msg"]
        raise SettingsError(f"Setting `{name}` (UNINER_{name.upper()}, or uniner.toml): {said}.") from None
    except UnparsableSetting as error:
        # Its message names the field; the value stands in its cause.
        raise SettingsError(f'The environment: {error}; it wants JSON, such as {{"n_threads": 2}}.') from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"uniner.toml is not valid TOML: {error}.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"uniner.toml cannot be read as UTF-8 text ({type(error).__name__}).") from None
