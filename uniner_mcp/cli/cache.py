"""`uniner-mcp cache …`: the answers kept on disk."""

from __future__ import annotations

from pathlib import Path

import typer

from uniner_mcp.cli.reporting import reported
from uniner_mcp.settings import load_settings

cache_app = typer.Typer(help="The answers kept on disk.", no_args_is_help=True)


def _cache_path() -> Path:
    from uniner_mcp.caches.sqlite import default_cache_path

    return load_settings().cache_path or default_cache_path()


@cache_app.command("path")
def cache_path() -> None:
    """Print where answers are kept."""
    with reported():
        typer.echo(_cache_path())


@cache_app.command("stats")
def cache_stats() -> None:
    """Print how much is kept."""
    from uniner_mcp.caches import sqlite

    with reported():
        stats = sqlite.cache_stats(_cache_path())
    typer.echo(f"path     {stats.path}\nanswers  {stats.entries}\nbytes    {stats.bytes}")
    if stats.oldest and stats.newest:
        typer.echo(f"oldest   {stats.oldest:%Y-%m-%d %H:%M} UTC\nnewest   {stats.newest:%Y-%m-%d %H:%M} UTC")


@cache_app.command("clear")
def cache_clear() -> None:
    """Forget all answers."""
    from uniner_mcp.caches import sqlite

    with reported():
        typer.echo(f"{sqlite.clear_cache(_cache_path())} answers removed")
