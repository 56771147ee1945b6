"""`uniner-mcp cache …`: the answers stored on disk."""

from __future__ import annotations

from pathlib import Path

import typer

from uniner_mcp.cli.reporting import reported
from uniner_mcp.settings import load_settings

cache_app = typer.Typer(help="Inspect and clear the cache of answers.", no_args_is_help=True)


def _cache_path() -> Path:
    from uniner_mcp.caches.sqlite import default_cache_path

    return load_settings().cache_path or default_cache_path()


@cache_app.command("path")
def cache_path() -> None:
    """Print the path of the cache."""
    with reported():
        typer.echo(_cache_path())


@cache_app.command("stats")
def cache_stats() -> None:
    """Print the number of answers, their size and their age."""
    from uniner_mcp.caches import sqlite

    with reported():
        stats = sqlite.cache_stats(_cache_path())
    typer.echo(f"path     {stats.path}\nanswers  {stats.entries}\nbytes    {stats.bytes}")
    if stats.oldest and stats.newest:
        typer.echo(f"oldest   {stats.oldest:%Y-%m-%d %H:%M} UTC\nnewest   {stats.newest:%Y-%m-%d %H:%M} UTC")


@cache_app.command("clear")
def cache_clear() -> None:
    """Delete all answers."""
    from uniner_mcp.caches import sqlite

    with reported():
        typer.echo(f"{sqlite.clear_cache(_cache_path())} answers removed")
