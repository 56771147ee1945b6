"""`uniner-mcp install` and `uninstall`."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from uniner_mcp.cli.reporting import reported

if TYPE_CHECKING:
    from uniner_mcp.clients import Change


class ClientName(StrEnum):
    """The supported clients."""

    CLAUDE_DESKTOP = "claude-desktop"
    CLAUDE_CODE = "claude-code"
    CURSOR = "cursor"
    VSCODE = "vscode"
    WINDSURF = "windsurf"


Named = Annotated[ClientName, typer.Argument(help="The MCP client.", show_choices=True)]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the new content of the file without writing it.")]


def install(
    client: Named,
    http: Annotated[
        str | None, typer.Option(help="URL of a running server, http://host:port/mcp, instead of a local one.")
    ] = None,
    files: Annotated[
        list[Path] | None,
        typer.Option(help="Folder whose files the client may have read (tool extract_from_file); repeatable."),
    ] = None,
    dry_run: DryRun = False,
) -> None:
    """Add uniner-mcp to the configuration of an MCP client. Other entries are kept, and the old file is backed up."""
    from uniner_mcp.clients import CLIENTS, installed

    with reported():
        known = CLIENTS[client.value]
        _apply(
            installed(known, http, files or ([] if http or dry_run else _folders())),
            dry_run,
            f"Added uniner to the configuration of {known.title}. Restart {known.title} to use it.",
        )


def uninstall(client: Named, dry_run: DryRun = False) -> None:
    """Remove uniner-mcp from the configuration of an MCP client."""
    from uniner_mcp.clients import CLIENTS, uninstalled

    with reported():
        known = CLIENTS[client.value]
        _apply(
            uninstalled(known),
            dry_run,
            f"Removed uniner from the configuration of {known.title}. Restart {known.title} to apply the change.",
        )


def _folders() -> list[Path]:
    """Ask the user for a folder, if there is a terminal to ask on."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return []
    asked = "Folder whose files the client may have read (Enter for none)"
    named = typer.prompt(asked, default="", show_default=False, err=True)
    return [Path(named)] if named.strip() else []


def _apply(change: Change, dry_run: bool, done: str) -> None:
    from uniner_mcp.clients import write

    if dry_run:
        typer.echo(f"{change.path} would contain:", err=True)
        typer.echo(change.after or "", nl=False)
    elif not change.needed:
        typer.echo(f"{change.path} is already up to date.")
    else:
        kept = write(change)
        typer.echo(done)
        typer.echo(f"{change.path}{f' (backup: {kept.name})' if kept is not None else ''}")
