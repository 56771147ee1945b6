"""The MCP clients that we can configure: where each keeps its servers, and in which form."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from uniner_mcp.clients.entries import Entry, Local, Remote
from uniner_mcp.clients.formats import Block, Format, Json, Toml

_EVERYWHERE = "*"


@dataclass(frozen=True, slots=True)
class Client:
    """An MCP client.

    files: its configuration file, by system. home: the environment variable that moves its folder, if there is one.
    project: its file in a project, None if it has none. local, remote: build our entry; remote is None if the file
    cannot contain URLs. variable: how the file names an environment variable in the value of a header, None if it
    cannot. programs: its commands. documentation: where all this is described.
    """

    title: str
    files: Mapping[str, str]
    format: Format
    local: Callable[[Local, str], Entry]
    remote: Callable[[Remote, str], Entry] | None
    variable: str | None
    programs: tuple[str, ...]
    documentation: str
    project: str | None = None
    home: str | None = None

    def path(self, project: Path | None = None) -> Path:
        """Return the path of its configuration file: that of a project, or else the user's on this system."""
        if project is not None and self.project is not None:
            return project.absolute() / self.project
        named = self.files.get(sys.platform, self.files[_EVERYWHERE])
        if self.home is not None and (moved := os.environ.get(self.home)):
            return Path(moved).expanduser() / named.rpartition("/")[2]
        roaming = os.environ.get("APPDATA", "~/AppData/Roaming")
        config = os.environ.get("XDG_CONFIG_HOME", "~/.config")
        return Path(named.format(roaming=roaming, config=config)).expanduser()

    def is_installed(self) -> bool:
        """Whether there are signs of the client: a command, its file, or a folder of its own."""
        path = self.path()
        own = path.parent if path.parent != Path.home() else path
        return own.exists() or any(shutil.which(program) for program in self.programs)


def _plain(server: Local, command: str) -> Entry:
    return server.entry(command)


def _typed(server: Local, command: str) -> Entry:
    return {"type": "stdio", **server.entry(command)}


def _address(key: str, **more: str) -> Callable[[Remote, str], Entry]:
    """An entry with the URL under `key` and, if there are any, an object of headers."""

    def entry(server: Remote, variable: str) -> Entry:
        headers = {name: variable.format(named) for name, named in server.headers.items()}
        return {**more, key: server.url, **({"headers": headers} if headers else {})}

    return entry


def _codex_address(server: Remote, _: str) -> Entry:
    return {"url": server.url, **({"env_http_headers": dict(server.headers)} if server.headers else {})}


CLIENTS: Mapping[str, Client] = {
    "claude-desktop": Client(
        "Claude Desktop",
        {"darwin": "~/Library/Application Support/Claude/claude_desktop_config.json",
         "win32": "{roaming}/Claude/claude_desktop_config.json",
         _EVERYWHERE: "{config}/Claude/claude_desktop_config.json"},
        Json("mcpServers"), _plain, None, None, (),
        "https://modelcontextprotocol.io/docs/develop/connect-local-servers",
    ),
    "claude-code": Client(
        "Claude Code", {_EVERYWHERE: "~/.claude.json"}, Json("mcpServers"), _typed, _address("url", type="http"),
        "${{{}}}", ("claude",), "https://code.claude.com/docs/en/mcp", ".mcp.json", "CLAUDE_CONFIG_DIR",
    ),
    "codex": Client(
        "Codex", {_EVERYWHERE: "~/.codex/config.toml"}, Toml("mcp_servers"), _plain, _codex_address, "{}", ("codex",),
        "https://developers.openai.com/codex/mcp", ".codex/config.toml", "CODEX_HOME",
    ),
    "gemini-cli": Client(
        "Gemini CLI", {_EVERYWHERE: "~/.gemini/settings.json"}, Json("mcpServers"), _plain, _address("httpUrl"),
        "${{{}}}", ("gemini",), "https://geminicli.com/docs/tools/mcp-server", ".gemini/settings.json",
    ),
    "cursor": Client(
        "Cursor", {_EVERYWHERE: "~/.cursor/mcp.json"}, Json("mcpServers"), _plain, _address("url"), "${{env:{}}}",
        ("cursor",), "https://cursor.com/docs/context/mcp", ".cursor/mcp.json",
    ),
    "vscode": Client(
        "VS Code",
        {"darwin": "~/Library/Application Support/Code/User/mcp.json", "win32": "{roaming}/Code/User/mcp.json",
         _EVERYWHERE: "{config}/Code/User/mcp.json"},
        Json("servers"), _typed, _address("url", type="http"), "${{env:{}}}", ("code",),
        "https://code.visualstudio.com/docs/copilot/reference/mcp-configuration", ".vscode/mcp.json",
    ),
    "windsurf": Client(
        "Windsurf", {_EVERYWHERE: "~/.codeium/windsurf/mcp_config.json"}, Json("mcpServers"), _plain,
        _address("serverUrl"), "${{env:{}}}", ("windsurf",), "https://docs.windsurf.com/windsurf/cascade/mcp",
    ),
    "zed": Client(
        "Zed", {"win32": "{roaming}/Zed/settings.json", "darwin": "~/.config/zed/settings.json",
                _EVERYWHERE: "{config}/zed/settings.json"},
        Json("context_servers"), _plain, _address("url"), None, ("zed", "zeditor"), "https://zed.dev/docs/ai/mcp",
        ".zed/settings.json",
    ),
    "cline": Client(
        "Cline", {_EVERYWHERE: "~/.cline/data/settings/cline_mcp_settings.json"}, Json("mcpServers"), _plain,
        _address("url", type="streamableHttp"), None, ("cline",), "https://docs.cline.bot/mcp/mcp-overview",
    ),
    "continue": Client(
        "Continue", {_EVERYWHERE: "~/.continue/mcpServers/uniner.yaml"}, Block("mcpServers"), _typed,
        _address("url", type="streamable-http"), None, ("cn",),
        "https://docs.continue.dev/customize/deep-dives/mcp", ".continue/mcpServers/uniner.yaml",
    ),
    "junie": Client(
        "Junie", {_EVERYWHERE: "~/.junie/mcp/mcp.json"}, Json("mcpServers"), _plain, _address("url"), None, ("junie",),
        "https://junie.jetbrains.com/docs/junie-cli-mcp-configuration.html", ".junie/mcp/mcp.json",
    ),
}  # fmt: skip
"""The supported clients, by the name used on the command line."""
