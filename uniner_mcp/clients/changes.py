"""Adding our entry to a configuration file and removing it, without losing anything else in the file."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from uniner_mcp.clients.catalogue import Client
from uniner_mcp.clients.entries import COMMAND, Entry, Local, Remote, own_command
from uniner_mcp.clients.formats import Unreadable
from uniner_mcp.errors import RequestError


@dataclass(frozen=True, slots=True)
class Change:
    """A change to a configuration file: its path, and its content before and after; None if there is no file."""

    path: Path
    before: str | None
    after: str | None

    @property
    def needed(self) -> bool:
        """Whether the content changes."""
        return self.before != self.after


def installed(client: Client, server: Local | Remote, project: Path | None = None) -> Change:
    """Add our entry to the user's file, or to that of a project. Raises RequestError."""
    path = _path(client, project)
    entry = _entry(client, server, project)
    before = _read(path)
    try:
        return Change(path, before, client.format.put(before or "", entry))
    except (Unreadable, RecursionError) as error:
        raise RequestError(
            f"{_refusal(path, error)} Fix the file, or add this yourself: "
            f"{client.format.shown(_entry(client, _without_values(server), project))}"
        ) from None


def uninstalled(client: Client, project: Path | None = None) -> Change:
    """Remove our entry. Raises RequestError."""
    path = _path(client, project)
    before = _read(path)
    if before is None:
        return Change(path, None, None)
    try:
        return Change(path, before, client.format.take(before))
    except (Unreadable, RecursionError) as error:
        raise RequestError(_refusal(path, error)) from None


def write(change: Change) -> Path | None:
    """Write a change atomically. Returns the path of the backup, or None if there was no file before.

    Only the user can read a new file, because entries may contain keys.
    """
    path = change.path.resolve()  # Follow a link instead of replacing it.
    kept = _keep(path) if change.before is not None else None
    if change.after is None:
        path.unlink()
        return kept
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, fresh = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(change.after.encode("utf-8"))
        if kept is not None:
            shutil.copymode(path, fresh)
        Path(fresh).replace(path)
    except OSError:
        Path(fresh).unlink(missing_ok=True)
        raise
    return kept


def _path(client: Client, project: Path | None) -> Path:
    if project is None:
        return client.path()
    if client.project is None:
        raise RequestError(f"{client.title} has no configuration file for projects: leave out --project.")
    if not project.is_dir():
        raise RequestError(f"{project} is not a folder: give the root of a project to --project.")
    return client.path(project)


def _entry(client: Client, server: Local | Remote, project: Path | None) -> Entry:
    if isinstance(server, Local):
        command = own_command()
        # The file of a project is shared with others, whose command is elsewhere.
        return client.local(server, COMMAND if project is not None and shutil.which(COMMAND) == command else command)
    if client.remote is None:
        raise RequestError(
            f"The configuration file of {client.title} cannot contain URLs: add {server.url} in its settings, under "
            "Connectors."
        )
    if server.headers and client.variable is None:
        raise RequestError(
            f"{client.title} does not document a way to take a header from an environment variable: leave out "
            f"--header-env, and add the header to the file as {client.documentation} describes."
        )
    return client.remote(server, client.variable or "")


def _refusal(path: Path, error: Unreadable | RecursionError) -> str:
    reason = error if isinstance(error, Unreadable) else "it is nested too deeply"
    return f"Cannot edit {path}: {reason}. Nothing was changed."


def _without_values(server: Local | Remote) -> Local | Remote:
    """The server as a message may quote it: values of environment variables may be secret."""
    return Local(server.options, dict.fromkeys(server.env, "…")) if isinstance(server, Local) else server


def _read(path: Path) -> str | None:
    try:
        return path.read_bytes().decode("utf-8-sig") if path.exists() else None
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(f"Cannot read {path} as UTF-8 text ({type(error).__name__}).") from None


def _keep(path: Path) -> Path:
    number, kept = 1, path.with_name(f"{path.name}.bak")
    while kept.exists():
        number, kept = number + 1, path.with_name(f"{path.name}.bak-{number + 1}")
    shutil.copy2(path, kept)
    return kept
