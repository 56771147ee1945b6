"""Configurations of MCP clients: where they lie, and our entry in them."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from uniner_mcp.errors import RequestError

NAME = "uniner"
"""Our name in the configurations."""
Entry = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Client:
    """A client. key: the object in its file that holds the servers; local, remote: our entry in it.

    remote is None where the client takes no address from a file.
    """

    title: str
    folders: Mapping[str, str]
    file: str
    key: Literal["mcpServers", "servers"]
    local: Callable[[str], Entry]
    remote: Callable[[str], Entry] | None

    def path(self) -> Path:
        """Its file, of this user on this system."""
        folder = self.folders.get(sys.platform, self.folders["linux"])
        roaming = os.environ.get("APPDATA", "~/AppData/Roaming")
        config = os.environ.get("XDG_CONFIG_HOME", "~/.config")
        return Path(folder.format(roaming=roaming, config=config)).expanduser() / self.file


def _stdio(command: str) -> Entry:
    return {"command": command, "args": ["serve"]}


def _typed(command: str) -> Entry:
    return {"type": "stdio", **_stdio(command)}


_HOME = {"linux": "~"}
CLIENTS: Mapping[str, Client] = {
    "claude-desktop": Client(
        "Claude Desktop",
        {"darwin": "~/Library/Application Support/Claude", "win32": "{roaming}/Claude", "linux": "{config}/Claude"},
        "claude_desktop_config.json", "mcpServers", _stdio, None,
    ),
    "claude-code": Client(
        "Claude Code", _HOME, ".claude.json", "mcpServers", _typed, lambda url: {"type": "http", "url": url}
    ),
    "cursor": Client("Cursor", {"linux": "~/.cursor"}, "mcp.json", "mcpServers", _stdio, lambda url: {"url": url}),
    "vscode": Client(
        "VS Code",
        {"darwin": "~/Library/Application Support/Code/User", "win32": "{roaming}/Code/User",
         "linux": "{config}/Code/User"},
        "mcp.json", "servers", _typed, lambda url: {"type": "http", "url": url},
    ),
    "windsurf": Client(
        "Windsurf", {"linux": "~/.codeium/windsurf"}, "mcp_config.json", "mcpServers", _stdio,
        lambda url: {"serverUrl": url},
    ),
}  # fmt: skip
"""By the name that the command line has for them."""


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be written: the file, its content before (None: there is none) and after."""

    path: Path
    before: str | None
    after: str | None

    @property
    def needed(self) -> bool:
        """Whether anything changes."""
        return self.before != self.after


def own_command() -> str:
    """The full path of our command: clients do not search the PATH of the user's shell."""
    beside = shutil.which("uniner-mcp", path=str(Path(sys.executable).parent))
    found = beside or shutil.which("uniner-mcp")
    if found is None:
        raise RequestError("Cannot find the command uniner-mcp: install the package in this environment.")
    return found


def installed(client: Client, url: str | None) -> Change:
    """The file with our entry in it: that of this installation, or a server at `url`. Raises RequestError."""
    if url is not None and not url.startswith(("http://", "https://")):
        raise RequestError("Give the address of the endpoint as the server prints it: http://host:port/mcp.")
    if url is not None and client.remote is None:
        raise RequestError(
            f"{client.title} takes no address from its file: add {url} in its settings, under Connectors."
        )
    entry = client.local(own_command()) if url is None or client.remote is None else client.remote(url)
    path, before, whole = _read(client)
    servers = whole.setdefault(client.key, {})
    if servers.get(NAME) == entry:
        return Change(path, before, before)
    servers[NAME] = entry
    return Change(path, before, _written(whole))


def uninstalled(client: Client) -> Change:
    """The file without our entry. Raises RequestError."""
    path, before, whole = _read(client)
    if whole.get(client.key, {}).pop(NAME, None) is None:
        return Change(path, before, before)
    return Change(path, before, _written(whole))


def write(change: Change) -> Path | None:
    """Write a change, in one step; what was there before is kept in a file beside it, whose path is returned."""
    path = change.path.resolve()  # Through a link, not over it.
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = _keep(path) if change.before is not None else None
    fresh = path.with_name(f".{path.name}.uniner")
    fresh.write_text(change.after or "", encoding="utf-8")
    if kept is not None:
        shutil.copymode(path, fresh)
    fresh.replace(path)
    return kept


def _read(client: Client) -> tuple[Path, str | None, dict[str, Any]]:
    path = client.path()
    try:
        before = path.read_text(encoding="utf-8") if path.exists() else None
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(f"{path} cannot be read as UTF-8 text ({type(error).__name__}).") from None
    whole: Any
    try:
        whole = json.loads(before) if before is not None and before.strip() else {}
    except json.JSONDecodeError as error:
        entry = json.dumps({NAME: client.local(own_command())})
        raise RequestError(
            f"{path} is not plain JSON (line {error.lineno}: {error.msg}), and comments would be lost: nothing was "
            f'changed. Mend it, or put this under "{client.key}" by hand: {entry}'
        ) from None
    if not isinstance(whole, dict) or not isinstance(cast("dict[str, Any]", whole).get(client.key, {}), dict):
        raise RequestError(f"{path} does not hold an object {client.key!r} of servers: nothing was changed.")
    return path, before, cast("dict[str, Any]", whole)


def _written(whole: Mapping[str, Any]) -> str:
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def _keep(path: Path) -> Path:
    number, kept = 1, path.with_name(f"{path.name}.bak")
    while kept.exists():
        number, kept = number + 1, path.with_name(f"{path.name}.bak-{number + 1}")
    shutil.copy2(path, kept)
    return kept
