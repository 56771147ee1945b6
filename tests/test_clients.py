"""The configurations of clients, in a home of their own, and a real MCP client that is started from them."""

from __future__ import annotations

import json
import os
import pty
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from typer.testing import CliRunner, Result

from uniner_mcp import clients
from uniner_mcp.cli import app

pytestmark = pytest.mark.anyio
FILES = {
    "claude-desktop": (".config/Claude/claude_desktop_config.json", "mcpServers"),
    "claude-code": (".claude.json", "mcpServers"),
    "cursor": (".cursor/mcp.json", "mcpServers"),
    "vscode": (".config/Code/User/mcp.json", "servers"),
    "windsurf": (".codeium/windsurf/mcp_config.json", "mcpServers"),
}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def held(home: Path, client: str) -> dict[str, Any]:
    return json.loads((home / FILES[client][0]).read_text(encoding="utf-8"))


@pytest.mark.usefixtures("patient_client")
async def test_a_real_client_starts_us_from_the_file_that_was_written(home: Path) -> None:
    assert all(run("install", client).exit_code == 0 for client in FILES)
    entries = [held(home, client)[key]["uniner"] for client, (_, key) in FILES.items()]
    entry = {key: entries[0][key] for key in ("command", "args")}
    assert all(one == {**entry, "type": "stdio"} or one == entry for one in entries)
    assert Path(entry["command"]).is_absolute()
    server = StdioServerParameters(command=entry["command"], args=entry["args"], env=dict(os.environ))
    async with Client(stdio_client(server)) as session:
        result = await session.call_tool("extract_entities", {"text": "Ada left Rome.", "entity_types": ["city"]})
    assert result.structured_content is not None and result.structured_content["entities"][0]["text"] == "Rome"


@pytest.mark.parametrize(
    ("client", "entry"),
    [
        ("claude-code", {"type": "http", "url": "http://gpu1:8000/mcp"}),
        ("cursor", {"url": "http://gpu1:8000/mcp"}),
        ("vscode", {"type": "http", "url": "http://gpu1:8000/mcp"}),
        ("windsurf", {"serverUrl": "http://gpu1:8000/mcp"}),
    ],
)
def test_a_running_server_is_named_by_its_address(home: Path, client: str, entry: dict[str, str]) -> None:
    assert run("install", client, "--http", "http://gpu1:8000/mcp").exit_code == 0
    assert held(home, client)[FILES[client][1]] == {"uniner": entry}


def test_claude_desktop_takes_no_address(home: Path) -> None:
    result = run("install", "claude-desktop", "--http", "http://gpu1:8000/mcp")
    assert result.exit_code == 2 and "under Connectors" in " ".join(result.stderr.split())
    assert not (home / ".config").exists()


@pytest.mark.parametrize("client", FILES)
def test_what_is_there_stays_and_is_kept_beside_it(home: Path, client: str) -> None:
    name, key = FILES[client]
    path = home / name
    path.parent.mkdir(parents=True, exist_ok=True)
    others = {"ü": [1], key: {"other": {"command": "x"}, "uniner": {"command": "old"}}, "last": None}
    path.write_text(json.dumps(others), encoding="utf-8")
    path.chmod(0o600)
    assert run("install", client).exit_code == 0
    now = held(home, client)
    assert list(now) == ["ü", key, "last"] and now[key]["other"] == {"command": "x"} and "ü" in path.read_text("utf-8")
    assert now[key]["uniner"]["args"] == ["serve"] and stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads(path.with_name(f"{path.name}.bak").read_text(encoding="utf-8")) == others
    written = path.read_bytes()
    again = run("install", client)
    assert again.exit_code == 0 and "already up to date" in "".join(again.stdout.splitlines())
    assert path.read_bytes() == written and len(list(path.parent.glob("*.bak*"))) == 1
    assert run("uninstall", client).exit_code == 0
    assert held(home, client) == {"ü": [1], key: {"other": {"command": "x"}}, "last": None}
    assert path.with_name(f"{path.name}.bak-2").exists()
    assert "already up to date" in "".join(run("uninstall", client).stdout.splitlines())


@pytest.mark.parametrize("command", [["install", "cursor"], ["uninstall", "cursor"]])
@pytest.mark.parametrize(
    ("content", "said"),
    [(b'{"a": 1, // no\n}', "not plain JSON (line 1"), (b"[1]", "is not an object of servers"), (b"\xff", "UTF-8"),
     (b'{"mcpServers": [1]}', "is not an object of servers")],
)  # fmt: skip
def test_a_file_that_cannot_be_merged_is_left_alone(home: Path, command: list[str], content: bytes, said: str) -> None:
    path = home / ".cursor" / "mcp.json"
    path.parent.mkdir()
    path.write_bytes(content)
    result = run(*command)
    assert result.exit_code == 2 and said in " ".join(result.stderr.split())
    assert path.read_bytes() == content and list(path.parent.iterdir()) == [path]


def test_a_dry_run_shows_the_file_and_writes_nothing(home: Path) -> None:
    result = run("install", "vscode", "--dry-run")
    assert json.loads(result.stdout)["servers"]["uniner"]["args"] == ["serve"]
    assert list(home.glob(".config*")) == []
    (home / ".cursor").mkdir()
    (home / ".cursor" / "mcp.json").write_text("", encoding="utf-8")
    assert json.loads(run("install", "cursor", "--dry-run").stdout)["mcpServers"].keys() == {"uniner"}
    assert run("uninstall", "windsurf", "--dry-run").stdout == ""


def test_a_link_is_written_through(home: Path) -> None:
    (home / "dotfiles").mkdir()
    (home / "dotfiles" / "mcp.json").write_text("{}", encoding="utf-8")
    (home / ".cursor").mkdir()
    (home / ".cursor" / "mcp.json").symlink_to(home / "dotfiles" / "mcp.json")
    assert run("install", "cursor").exit_code == 0
    assert (home / ".cursor" / "mcp.json").is_symlink()
    assert "uniner" in json.loads((home / "dotfiles" / "mcp.json").read_text(encoding="utf-8"))["mcpServers"]


@pytest.mark.parametrize(
    ("platform", "client", "path"),
    [
        ("darwin", "claude-desktop", "~/Library/Application Support/Claude/claude_desktop_config.json"),
        ("darwin", "vscode", "~/Library/Application Support/Code/User/mcp.json"),
        ("darwin", "cursor", "~/.cursor/mcp.json"),
        ("win32", "claude-desktop", "/roaming/Claude/claude_desktop_config.json"),
        ("win32", "vscode", "/roaming/Code/User/mcp.json"),
    ],
)
def test_each_system_has_its_places(monkeypatch: pytest.MonkeyPatch, platform: str, client: str, path: str) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setenv("APPDATA", "/roaming")
    assert clients.CLIENTS[client].path() == Path(path).expanduser()


def test_without_a_command_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda *given, **more: None)
    result = run("install", "cursor")
    assert result.exit_code == 2 and "Cannot find the command" in " ".join(result.stderr.split())


def test_an_address_without_its_scheme_is_refused(home: Path) -> None:
    result = run("install", "cursor", "--http", "localhost:8000/mcp")
    assert result.exit_code == 2 and "http://host:port/mcp" in result.stderr
    assert not (home / FILES["cursor"][0]).exists()


def test_allowed_folders_are_written_with_their_full_paths(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "docs").mkdir()
    monkeypatch.chdir(home)
    assert run("install", "cursor", "--files", "docs", "--files", "~").exit_code == 0
    args = held(home, "cursor")["mcpServers"]["uniner"]["args"]
    assert args == ["serve", "--files", str(home / "docs"), "--files", str(home)]


def test_a_folder_must_exist_and_is_for_a_local_server(home: Path) -> None:
    missing = run("install", "cursor", "--files", "none")
    assert missing.exit_code == 2 and "is not a folder" in missing.stderr
    remote = run("install", "cursor", "--files", str(home), "--http", "http://gpu1:8000/mcp")
    assert remote.exit_code == 2 and "--files is for a local server" in " ".join(remote.stderr.split())
    assert not (home / ".cursor").exists()


@pytest.mark.parametrize(("typed", "args"), [("{home}\n", ["serve", "--files", "{home}"]), ("\n", ["serve"])])
def test_on_a_terminal_it_asks_for_a_folder(home: Path, typed: str, args: list[str]) -> None:
    controller, terminal = pty.openpty()
    try:
        os.write(controller, typed.format(home=home).encode())
        command = [sys.executable, "-m", "uniner_mcp", "install", "cursor"]
        done = subprocess.run(command, stdin=terminal, stderr=terminal, stdout=subprocess.PIPE, check=True)
        assert b"Added uniner" in done.stdout
    finally:
        os.close(controller)
        os.close(terminal)
    assert held(home, "cursor")["mcpServers"]["uniner"]["args"] == [part.format(home=home) for part in args]
