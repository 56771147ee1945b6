"""Configuration files of MCP clients, and our entry in them."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from uniner_mcp.errors import RequestError
from uniner_mcp.files import quoted, user_path

NAME = "uniner"
"""Name of our server in the configuration files."""
Entry = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Client:
    """An MCP client.

    key: the object in its configuration file that contains the servers. local, remote: build our entry in it, from a
    command or a URL. remote is None if the file cannot contain URLs.
    """

    title: str
    folders: Mapping[str, str]
    file: str
    key: Literal["mcpServers", "servers"]
    local: Callable[[str], Entry]
    remote: Callable[[str], Entry] | None

    def path(self) -> Path:
        """Return the path of its configuration file for this user and system."""
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
"""The supported clients, by the name used on the command line."""


@dataclass(frozen=True, slots=True)
class Change:
    """A change to a configuration file: its path, and its content before (None if it does not exist) and after."""

    path: Path
    before: str | None
    after: str | None

    @property
    def needed(self) -> bool:
        """Whether the content changes."""
        return self.before != self.after


def own_command() -> str:
    """Return the full path of our command: clients do not search the PATH of the user's shell."""
    beside = shutil.which("uniner-mcp", path=str(Path(sys.executable).parent))
    found = beside or shutil.which("uniner-mcp")
    if found is None:
        raise RequestError("Cannot find the command uniner-mcp: install the package in this environment.")
    return found


def installed(client: Client, url: str | None, files: Sequence[Path] = ()) -> Change:
    """Add our entry: this installation, or the server at `url`. Raises RequestError.

    files: folders whose files this installation may read.
    """
    if url is not None and files:
        raise RequestError("--files is for a local server: give it to the `serve` that runs at the URL.")
    if url is not None and not url.startswith(("http://", "https://")):
        raise RequestError("Give the URL of the endpoint as `serve` prints it: http://host:port/mcp.")
    if url is not None and client.remote is None:
        raise RequestError(
            f"The configuration file of {client.title} cannot contain URLs: add {url} in its settings, under"
            " Connectors."
        )
    entry = client.local(own_command()) if url is None or client.remote is None else client.remote(url)
    for folder in files:
        # Clients start the server in any folder.
        path = user_path(folder).absolute()
        if not path.is_dir():
            raise RequestError(f"{quoted(folder)} is not a folder.")
        entry["args"] += ["--files", str(path)]
    path, before, whole = _read(client)
    servers = whole.setdefault(client.key, {})
    if servers.get(NAME) == entry:
        return Change(path, before, before)
    servers[NAME] = entry
    return Change(path, before, _written(whole))


def uninstalled(client: Client) -> Change:
    """Remove our entry. Raises RequestError."""
    path, before, whole = _read(client)
    if whole.get(client.key, {}).pop(NAME, None) is None:
        return Change(path, before, before)
    return Change(path, before, _written(whole))


def write(change: Change) -> Path | None:
    """Write a change atomically. Returns the path of the backup, or None if there was no file before."""
    path = change.path.resolve()  # Follow a link instead of replacing it.
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
        raise RequestError(f"Cannot read {path} as UTF-8 text ({type(error).__name__}).") from None
    whole: Any
    try:
        whole = json.loads(before) if before is not None and before.strip() else {}
    except json.JSONDecodeError as error:
        entry = json.dumps({NAME: client.local(own_command())})
        raise RequestError(
            f"{path} is not plain JSON (line {error.lineno}: {error.msg}). Nothing was changed, because comments would "
            f'be lost. Fix the file, or add this under "{client.key}" yourself: {entry}'
        ) from None
    if not isinstance(whole, dict) or not isinstance(cast("dict[str, Any]", whole).get(client.key, {}), dict):
        raise RequestError(f"{client.key!r} in {path} is not an object of servers. Nothing was changed.")
    return path, before, cast("dict[str, Any]", whole)


def _written(whole: Mapping[str, Any]) -> str:
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def _keep(path: Path) -> Path:
    number, kept = 1, path.with_name(f"{path.name}.bak")
    while kept.exists():
        number, kept = number + 1, path.with_name(f"{path.name}.bak-{number + 1}")
    shutil.copy2(path, kept)
    return kept
