"""The options that choose an engine: defined once, shared by every command that has them."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from uniner_mcp.cli.reporting import reported
from uniner_mcp.settings import load_settings


@dataclass(frozen=True)
class EngineOptions:
    """Which engine is used. Each option is named after its setting; None: not given."""

    engine: Annotated[
        str | None,
        typer.Option(help="Engine to use: auto, nano, vllm, llama-cpp or openai (any OpenAI-compatible server)."),
    ] = None
    model: Annotated[
        str | None,
        typer.Option(help="Model of the engine: a Hugging Face id or folder, a GGUF file, or a served model name."),
    ] = None
    base_url: Annotated[
        str | None,
        typer.Option(help="URL of an OpenAI-compatible server, http://host:port/v1; comma-separated for several."),
    ] = None
    profile: Annotated[
        str | None, typer.Option(help="Prompt profile of the model: a name, or the path of a TOML file.")
    ] = None
    fallback: Annotated[
        str | None,
        typer.Option(
            help="When to ask a teacher: none, on-failure, low-confidence, teacher-only, or the path of a TOML file."
        ),
    ] = None


@dataclass(frozen=True)
class CachedEngineOptions(EngineOptions):
    """The same for commands that ask the engine."""

    cache: Annotated[bool | None, typer.Option(" /--no-cache", help="Neither read nor write the cache.")] = None


def engine_options(
    options: type[EngineOptions] = CachedEngineOptions,
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add the options that choose an engine to a command.

    The command receives its keyword argument `settings`: those of file and environment, overridden by the options.
    Errors are reported as by `reported`.
    """
    added = inspect.signature(options, eval_str=True).parameters.values()

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(command, eval_str=True)
        own = [parameter for parameter in signature.parameters.values() if parameter.name != "settings"]

        @functools.wraps(command)
        def decorated(**given: Any) -> None:
            chosen = {parameter.name: given.pop(parameter.name) for parameter in added}
            with reported():
                command(**given, settings=load_settings(**chosen))

        # Typer reads a command's parameters from its signature.
        parameters = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in (*own, *added)]
        decorated.__dict__["__signature__"] = signature.replace(parameters=parameters)
        decorated.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        return decorated

    return decorate
