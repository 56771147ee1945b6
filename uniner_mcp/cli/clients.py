"""`uniner-mcp install` and `uninstall`."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from uniner_mcp.cli.reporting import reported
from uniner_mcp.errors import RequestError
from uniner_mcp.files import quoted, user_path
from uniner_mcp.settings import load_settings

if TYPE_CHECKING:
    from uniner_mcp.clients import Change, Client, Local, Remote


class ClientName(StrEnum):
    """The supported clients."""

    CLAUDE_DESKTOP = "claude-desktop"
    CLAUDE_CODE = "claude-code"
    CODEX = "codex"
    GEMINI_CLI = "gemini-cli"
    CURSOR = "cursor"
    VSCODE = "vscode"
    WINDSURF = "windsurf"
    ZED = "zed"
    CLINE = "cline"
    CONTINUE = "continue"
    JUNIE = "junie"


Named = Annotated[ClientName, typer.Argument(help="The MCP client.", show_choices=True)]
Project = Annotated[
    Path | None, typer.Option(help="Root folder of a project whose configuration is changed, instead of your own.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the new content of the file without writing it.")]


def install(
    client: Named,
    engine: Annotated[str | None, typer.Option(help="Engine of the server, as in `serve --engine`.")] = None,
    fallback: Annotated[
        str | None, typer.Option(help="When the server asks a teacher, as in `serve --fallback`.")
    ] = None,
    env: Annotated[
        list[str] | None,
        typer.Option(help="Environment variable of the server, NAME=VALUE, for keys and settings; repeatable."),
    ] = None,
    http: Annotated[
        str | None, typer.Option(help="URL of a running server, http://host:port/mcp, instead of a local one.")
    ] = None,
    files: Annotated[
        list[Path] | None,
        typer.Option(help="Folder whose files the client may have read (tool extract_from_file); repeatable."),
    ] = None,
    header_env: Annotated[
        list[str] | None,
        typer.Option(
            help="Header of the requests to that server, HEADER=VARIABLE: the environment variable of the client that "
            "contains its value; repeatable."
        ),
    ] = None,
    project: Project = None,
    dry_run: DryRun = False,
) -> None:
    """Add uniner-mcp to the configuration of an MCP client. Other entries are kept, and the old file is backed up."""
    from uniner_mcp.clients import CLIENTS, installed

    with reported():
        known = CLIENTS[client.value]
        if http is None:
            if header_env:
                raise RequestError("--header-env needs --http: a server that the client starts has no headers.")
            server = _local(engine, fallback, env or [], files or ([] if dry_run else _folders()))
        else:
            if engine or fallback or env or files:
                raise RequestError(
                    "--engine, --fallback, --env and --files are for a server that the client starts: give them to the "
                    "running server instead."
                )
            server = _remote(http, header_env or [])
        _apply(known, installed(known, server, project), dry_run, "Added uniner to", "use it")


def uninstall(client: Named, project: Project = None, dry_run: DryRun = False) -> None:
    """Remove uniner-mcp from the configuration of an MCP client."""
    from uniner_mcp.clients import CLIENTS, uninstalled

    with reported():
        known = CLIENTS[client.value]
        _apply(known, uninstalled(known, project), dry_run, "Removed uniner from", "apply the change")


def _local(engine: str | None, fallback: str | None, env: list[str], files: list[Path]) -> Local:
    from uniner_mcp.clients import Local, variables
    from uniner_mcp.engines.teacher.policy import load_policy

    # What is wrong is reported here rather than in the client's log.
    load_policy(load_settings(engine=engine, fallback=fallback).fallback)
    if fallback is not None and fallback.casefold().endswith(".toml"):
        fallback = str(Path(fallback).expanduser().absolute())  # The client starts the server in another folder.
    options = {"--engine": engine, "--fallback": fallback}
    given = [part for name, value in options.items() if value is not None for part in (name, value)]
    for folder in files:
        # Clients start the server in any folder.
        path = user_path(folder).absolute()
        if not path.is_dir():
            raise RequestError(f"{quoted(folder)} is not a folder.")
        given += ["--files", str(path)]
    return Local(tuple(given), variables(env))


def _remote(url: str, header_env: list[str]) -> Remote:
    from uniner_mcp.clients import Remote, headers

    return Remote(url, headers(header_env))


def _folders() -> list[Path]:
    """Ask the user for a folder, if there is a terminal to ask on."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return []
    asked = "Folder whose files the client may have read (Enter for none)"
    named = typer.prompt(asked, default="", show_default=False, err=True)
    return [Path(named)] if named.strip() else []


def _apply(client: Client, change: Change, dry_run: bool, done: str, purpose: str) -> None:
    from uniner_mcp.clients import write

    if dry_run:
        typer.echo(f"{change.path} would {'contain:' if change.after is not None else 'be deleted.'}", err=True)
        typer.echo(change.after or "", nl=False)
    elif not change.needed:
        typer.echo(f"{change.path} is already up to date.")
    else:
        # Before the file is written, since a file of ours is no sign of a client.
        after = (
            f"Restart {client.title} to {purpose}." if client.is_installed() else f"{client.title} was not found here."
        )
        kept = write(change)
        typer.echo(f"{done} the configuration of {client.title}. {after}")
        typer.echo(f"{change.path}{f' (backup: {kept.name})' if kept is not None else ''}")
