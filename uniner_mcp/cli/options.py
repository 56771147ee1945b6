"""The options that are settings: defined once, shared by every command that has them."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from uniner_mcp.cli.reporting import reported
from uniner_mcp.settings import load_settings


class ConfigOption:
    """Where settings are read from. Each annotation is an option named after its setting; None if it is not given."""

    config: Annotated[
        Path | None,
        typer.Option(help="Settings file to read instead of uniner.toml in your configuration folder."),
    ]


class EngineOptions(ConfigOption):
    """Which engine is used."""

    engine: Annotated[
        str | None,
        typer.Option(help="Engine to use: auto, nano, vllm, llama-cpp or openai (any OpenAI-compatible server)."),
    ]
    model: Annotated[
        str | None,
        typer.Option(help="Model of the engine: a Hugging Face id or folder, a GGUF file, or a served model name."),
    ]
    base_url: Annotated[
        str | None,
        typer.Option(help="URL of an OpenAI-compatible server, http://host:port/v1; comma-separated for several."),
    ]
    profile: Annotated[
        str | None, typer.Option(help="Prompt profile of the model: a name, or the path of a TOML file.")
    ]
    fallback: Annotated[
        str | None,
        typer.Option(
            help="When to ask a teacher: none, on-failure, low-confidence, teacher-only, or the path of a TOML file."
        ),
    ]


class CacheOption(ConfigOption):
    """Whether the cache is used."""

    cache: Annotated[bool | None, typer.Option(" /--no-cache", help="Neither read nor write the cache.")]


class AskingOptions(EngineOptions, CacheOption):
    """The options of commands that ask the engine."""


def with_settings(
    options: type[ConfigOption] = AskingOptions,
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add options to a command that are settings.

    The command receives its keyword argument `settings`: those of file and environment, overridden by the options.
    Errors are reported as by `reported`.
    """
    hints = get_type_hints(options, include_extras=True)
    # In the help, the options of a class come before those of its bases.
    names = [name for each in options.__mro__ for name in inspect.get_annotations(each)]
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=hints[name]) for name in names
    ]

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(command, eval_str=True)
        own = [parameter for parameter in signature.parameters.values() if parameter.name != "settings"]

        @functools.wraps(command)
        def decorated(**given: Any) -> None:
            chosen = {name: given.pop(name) for name in names}
            with reported():
                command(**given, settings=load_settings(**chosen))

        # Typer reads a command's parameters from its signature.
        every = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in (*own, *added)]
        decorated.__dict__["__signature__"] = signature.replace(parameters=every)
        decorated.__annotations__ = {parameter.name: parameter.annotation for parameter in every}
        return decorated

    return decorate
