"""`uniner-mcp cache …`: the answers stored on disk."""

from __future__ import annotations

from pathlib import Path

import typer

from uniner_mcp.cli.options import ConfigOption, with_settings
from uniner_mcp.settings import Settings

cache_app = typer.Typer(help="Inspect and clear the cache of answers.", no_args_is_help=True)


def _path(settings: Settings) -> Path:
    from uniner_mcp.caches.sqlite import default_cache_path

    return settings.cache_path or default_cache_path()


@cache_app.command("path")
@with_settings(ConfigOption)
def cache_path(*, settings: Settings) -> None:
    """Print the path of the cache."""
    typer.echo(_path(settings))


@cache_app.command("stats")
@with_settings(ConfigOption)
def cache_stats(*, settings: Settings) -> None:
    """Print the number of answers, their size and their age."""
    from uniner_mcp.caches import sqlite

    stats = sqlite.cache_stats(_path(settings))
    typer.echo(f"path     {stats.path}\nanswers  {stats.entries}\nbytes    {stats.bytes}")
    if stats.oldest and stats.newest:
        typer.echo(f"oldest   {stats.oldest:%Y-%m-%d %H:%M} UTC\nnewest   {stats.newest:%Y-%m-%d %H:%M} UTC")


@cache_app.command("clear")
@with_settings(ConfigOption)
def cache_clear(*, settings: Settings) -> None:
    """Delete all answers."""
    from uniner_mcp.caches import sqlite

    typer.echo(f"{sqlite.clear_cache(_path(settings))} answers removed")
