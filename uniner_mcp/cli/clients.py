"""`uniner-mcp install` and `uninstall`: our entry in the configuration of an MCP client."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from uniner_mcp.cli.reporting import reported

if TYPE_CHECKING:
    from uniner_mcp.clients import Change


class ClientName(StrEnum):
    """The clients that are known."""

    CLAUDE_DESKTOP = "claude-desktop"
    CLAUDE_CODE = "claude-code"
    CURSOR = "cursor"
    VSCODE = "vscode"
    WINDSURF = "windsurf"


Named = Annotated[ClientName, typer.Argument(help="The client.", show_choices=True)]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print what the file would hold, and change nothing.")]


def install(
    client: Named,
    http: Annotated[
        str | None, typer.Option(help="Address of a running server, http://host:port/mcp, in place of a local one.")
    ] = None,
    dry_run: DryRun = False,
) -> None:
    """Put uniner-mcp into the configuration of an MCP client; what is there stays, and is kept beside it."""
    from uniner_mcp.clients import CLIENTS, installed

    with reported():
        known = CLIENTS[client.value]
        _apply(installed(known, http), dry_run, f"uniner is in the configuration of {known.title}: restart it.")


def uninstall(client: Named, dry_run: DryRun = False) -> None:
    """Take uniner-mcp out of the configuration of an MCP client."""
    from uniner_mcp.clients import CLIENTS, uninstalled

    with reported():
        known = CLIENTS[client.value]
        _apply(uninstalled(known), dry_run, f"uniner is no longer in the configuration of {known.title}: restart it.")


def _apply(change: Change, dry_run: bool, done: str) -> None:
    from uniner_mcp.clients import write

    if dry_run:
        typer.echo(f"{change.path} would hold:", err=True)
        typer.echo(change.after or "", nl=False)
    elif not change.needed:
        typer.echo(f"{change.path} is as it should be.")
    else:
        kept = write(change)
        typer.echo(done)
        typer.echo(f"{change.path}{f' (before: {kept.name})' if kept is not None else ''}")
