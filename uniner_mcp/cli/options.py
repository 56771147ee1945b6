"""Options that several commands have, and the settings that they make."""

from __future__ import annotations

from typing import Annotated

import typer

from uniner_mcp.settings import Settings, load_settings

Engine = Annotated[
    str | None, typer.Option(help="Which engine answers: auto, nano, vllm, llama-cpp or openai (any such server).")
]
Model = Annotated[
    str | None, typer.Option(help="Model of the engine: Hugging Face id or folder, GGUF file, or served name.")
]
BaseUrl = Annotated[
    str | None, typer.Option(help="Address of an OpenAI-compatible server, http://host:port/v1; several by commas.")
]
ProfileName = Annotated[str | None, typer.Option("--profile", help="How the model is asked: a name or a TOML file.")]
Fallback = Annotated[
    str | None,
    typer.Option(help="When a teacher may be asked: none, on-failure, low-confidence, teacher-only, or a TOML file."),
]
NoCache = Annotated[bool, typer.Option("--no-cache", help="Neither read nor write the cache.")]


def settings_of(
    engine: str | None,
    model: str | None,
    base_url: str | None,
    profile: str | None,
    fallback: str | None,
    no_cache: bool = False,
) -> Settings:
    """The settings of file and environment, with the options on top."""
    return load_settings(
        engine=engine,
        model=model,
        base_url=base_url,
        profile=profile,
        fallback=fallback,
        cache=False if no_cache else None,
    )
