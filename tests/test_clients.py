"""The configurations of clients, in a home of their own, and a real MCP client that is started from them."""

from __future__ import annotations

import json
import os
import pty
import stat
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from typer.testing import CliRunner, Result

from uniner_mcp import clients
from uniner_mcp.cli import app
from uniner_mcp.cli.clients import ClientName
from uniner_mcp.clients import jsonc

pytestmark = pytest.mark.anyio
FILES = {
    "claude-desktop": (".config/Claude/claude_desktop_config.json", "mcpServers"),
    "claude-code": (".claude.json", "mcpServers"),
    "gemini-cli": (".gemini/settings.json", "mcpServers"),
    "cursor": (".cursor/mcp.json", "mcpServers"),
    "vscode": (".config/Code/User/mcp.json", "servers"),
    "windsurf": (".codeium/windsurf/mcp_config.json", "mcpServers"),
    "zed": (".config/zed/settings.json", "context_servers"),
    "cline": (".cline/data/settings/cline_mcp_settings.json", "mcpServers"),
    "junie": (".junie/mcp/mcp.json", "mcpServers"),
}
"""The clients whose file is JSON."""
CODEX = ".codex/config.toml"
CONTINUE = ".continue/mcpServers/uniner.yaml"
URL = "http://gpu1:8000/mcp"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    for variable in ("XDG_CONFIG_HOME", "CODEX_HOME", "CLAUDE_CONFIG_DIR"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    monkeypatch.setattr(sys, "platform", "linux")
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def held(home: Path, client: str) -> dict[str, Any]:
    return json.loads((home / FILES[client][0]).read_text(encoding="utf-8"))


def held_by_codex(home: Path) -> dict[str, Any]:
    return tomllib.loads((home / CODEX).read_text(encoding="utf-8"))


def said(result: Result) -> str:
    return " ".join(result.output.split())


def test_the_command_line_knows_every_client() -> None:
    assert [name.value for name in ClientName] == list(clients.CLIENTS)
    assert set(clients.CLIENTS) == {*FILES, "codex", "continue"}


@pytest.mark.usefixtures("patient_client")
async def test_a_real_client_starts_us_from_the_file_that_was_written(home: Path) -> None:
    assert all(run("install", client).exit_code == 0 for client in clients.CLIENTS)
    entries = [held(home, client)[key]["uniner"] for client, (_, key) in FILES.items()]
    entries.append(held_by_codex(home)["mcp_servers"]["uniner"])
    entry = {key: entries[0][key] for key in ("command", "args")}
    assert all(one == {**entry, "type": "stdio"} or one == entry for one in entries)
    assert Path(entry["command"]).is_absolute()
    server = StdioServerParameters(command=entry["command"], args=entry["args"], env=dict(os.environ))
    async with Client(stdio_client(server)) as session:
        result = await session.call_tool("extract_entities", {"text": "Ada left Rome.", "entity_types": ["city"]})
    assert result.structured_content is not None and result.structured_content["entities"][0]["text"] == "Rome"


def test_options_and_variables_of_the_server_are_in_the_entry(home: Path) -> None:
    given = ("--engine", "nano", "--fallback", "on-failure", "--env", "OPENAI_API_KEY=a=b", "--env", "EMPTY=")
    assert run("install", "zed", *given).exit_code == 0 and run("install", "codex", *given).exit_code == 0
    entry = held(home, "zed")["context_servers"]["uniner"]
    assert entry["args"] == ["serve", "--engine", "nano", "--fallback", "on-failure"]
    assert entry["env"] == {"OPENAI_API_KEY": "a=b", "EMPTY": ""}
    assert held_by_codex(home)["mcp_servers"]["uniner"] == entry


def test_a_policy_is_named_by_its_full_path(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)
    (home / "mine.toml").write_bytes(Path(__file__).parent.parent.joinpath("fallbacks/on-failure.toml").read_bytes())
    assert run("install", "cursor", "--fallback", "mine.toml").exit_code == 0
    assert held(home, "cursor")["mcpServers"]["uniner"]["args"][-1] == str(home / "mine.toml")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["--engine", "nono"], "`engine`"), (["--fallback", "nowhere"], "nowhere"),
     (["--env", "sk-secret"], "--env NAME=VALUE"), (["--env", "a b=sk-secret"], "--env NAME=VALUE"),
     (["--http", URL, "--header-env", "Authorization=Bearer sk-secret"], "--header-env HEADER=VARIABLE"),
     (["--http", URL, "--header-env", "sk-secret"], "--header-env HEADER=VARIABLE"),
     (["--header-env", "Authorization=TOKEN"], "--header-env needs --http"),
     (["--http", URL, "--env", "A=1"], "give them to the running server"),
     (["--http", "localhost:8000/mcp"], "http://host:port/mcp"),
     (["--project", "missing"], "is not a folder")],
)  # fmt: skip
def test_wrong_options_are_refused_without_quoting_a_secret(home: Path, arguments: list[str], message: str) -> None:
    result = run("install", "cursor", *arguments)
    assert result.exit_code == 2 and message in said(result) and "sk-secret" not in result.output
    assert list(home.iterdir()) == []


@pytest.mark.parametrize(
    ("client", "entry"),
    [
        ("claude-code", {"type": "http", "url": URL, "headers": {"Authorization": "${TOKEN}"}}),
        ("gemini-cli", {"httpUrl": URL, "headers": {"Authorization": "${TOKEN}"}}),
        ("cursor", {"url": URL, "headers": {"Authorization": "${env:TOKEN}"}}),
        ("vscode", {"type": "http", "url": URL, "headers": {"Authorization": "${env:TOKEN}"}}),
        ("windsurf", {"serverUrl": URL, "headers": {"Authorization": "${env:TOKEN}"}}),
        ("zed", {"url": URL}),
        ("cline", {"type": "streamableHttp", "url": URL}),
        ("junie", {"url": URL}),
    ],
)
def test_a_running_server_is_named_by_its_url(home: Path, client: str, entry: dict[str, Any]) -> None:
    with_header = run("install", client, "--http", URL, "--header-env", "Authorization=TOKEN")
    if "headers" not in entry:
        assert with_header.exit_code == 2 and "leave out --header-env" in said(with_header)
        assert run("install", client, "--http", URL).exit_code == 0
    assert held(home, client)[FILES[client][1]] == {"uniner": entry}


def test_codex_and_continue_name_a_running_server_in_their_own_way(home: Path) -> None:
    assert run("install", "codex", "--http", URL, "--header-env", "X-Key=TOKEN").exit_code == 0
    assert held_by_codex(home)["mcp_servers"] == {"uniner": {"url": URL, "env_http_headers": {"X-Key": "TOKEN"}}}
    assert run("install", "continue", "--http", URL).exit_code == 0
    assert (home / CONTINUE).read_text("utf-8").splitlines()[3:] == [
        "mcpServers:", '  - name: "uniner"', '    type: "streamable-http"', f'    url: "{URL}"'
    ]  # fmt: skip


def test_claude_desktop_takes_no_url(home: Path) -> None:
    result = run("install", "claude-desktop", "--http", URL)
    assert result.exit_code == 2 and "under Connectors" in said(result)
    assert not (home / ".config").exists()


@pytest.mark.parametrize("client", FILES)
def test_what_is_there_stays_and_is_kept_beside_it(home: Path, client: str) -> None:
    name, key = FILES[client]
    path = home / name
    path.parent.mkdir(parents=True, exist_ok=True)
    others = {"ü": [1], key: {"other": {"command": "x"}, "uniner": {"command": "old"}}, "last": None}
    path.write_text(json.dumps(others), encoding="utf-8")
    path.chmod(0o640)
    assert run("install", client).exit_code == 0
    now = held(home, client)
    assert list(now) == ["ü", key, "last"] and now[key]["other"] == {"command": "x"}
    assert now[key]["uniner"]["args"] == ["serve"] and stat.S_IMODE(path.stat().st_mode) == 0o640
    assert json.loads(path.with_name(f"{path.name}.bak").read_text(encoding="utf-8")) == others
    written = path.read_bytes()
    again = run("install", client)
    assert again.exit_code == 0 and "already up to date" in said(again)
    assert path.read_bytes() == written and len(list(path.parent.glob("*.bak*"))) == 1
    assert run("uninstall", client).exit_code == 0
    assert held(home, client) == {"ü": [1], key: {"other": {"command": "x"}}, "last": None}
    assert path.with_name(f"{path.name}.bak-2").exists()
    assert "already up to date" in said(run("uninstall", client))


COMMENTED = """// mine
{
\t"theme": "dark", // ok, "mcpServers": {
\t/* servers */
\t"mcpServers": {
\t\t"other": {"command": "x", "args": ["//", "/*"]}, // last
\t},
}
"""
TOML = """# mine
model = 'x' # quoted

[mcp_servers.other] # keep
command = 'y'

[profiles.a]
b = 1
"""


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_comments_and_layout_stay_in_json(home: Path, newline: str) -> None:
    path = home / ".cursor" / "mcp.json"
    path.parent.mkdir()
    before = COMMENTED.replace("\n", newline).encode()
    path.write_bytes(before)
    assert run("install", "cursor").exit_code == 0
    lines = path.read_bytes().decode().split(newline)
    assert [line for line in COMMENTED.split("\n") if line not in lines] == []
    at = lines.index('\t\t"uniner": {')
    assert lines[at - 1].endswith("// last")
    assert lines[at + 3 :] == ['\t\t\t\t"serve"', "\t\t\t]", "\t\t},", "\t},", "}", ""]
    assert run("uninstall", "cursor").exit_code == 0
    assert path.read_bytes() == before


def test_comments_and_layout_stay_in_toml(home: Path) -> None:
    path = home / CODEX
    path.parent.mkdir()
    path.write_text(TOML, encoding="utf-8")
    assert run("install", "codex", "--env", "A=1").exit_code == 0
    assert [line for line in TOML.splitlines() if line not in path.read_text("utf-8").splitlines()] == []
    assert "already up to date" in said(run("install", "codex", "--env", "A=1"))
    assert held_by_codex(home)["mcp_servers"]["uniner"]["env"] == {"A": "1"}
    assert run("uninstall", "codex").exit_code == 0
    assert path.read_text("utf-8") == TOML
    assert "already up to date" in said(run("uninstall", "codex"))


def test_nothing_of_ours_stays_in_a_file_that_we_made(home: Path) -> None:
    for client in ("codex", "continue"):
        assert run("install", client).exit_code == 0
        assert "already up to date" in said(run("install", client))
        assert run("uninstall", client, "--dry-run").exit_code == 0
        assert run("uninstall", client).exit_code == 0
    assert (home / CODEX).read_text("utf-8") == ""
    assert not (home / CONTINUE).exists() and (home / CONTINUE).with_name("uniner.yaml.bak").exists()
    assert "already up to date" in said(run("uninstall", "continue"))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("mcp_servers = {a = {command = 'y'}}\n", {"a": {"command": "y"}}),
        ("[mcp_servers]\na.command = 'y'\n[x]\nb = 1\n", {"a": {"command": "y"}}),
        ("[mcp_servers.uniner]\ncommand = 'old'\n[x]\nb = 1\n[mcp_servers.uniner.env]\nA = '1'\n", {}),
        ("[mcp_servers.a]\ncommand = 'y'\n[x]\nb = 1\n[mcp_servers.c]\ncommand = 'z'\n",
         {"a": {"command": "y"}, "c": {"command": "z"}}),
    ],
)  # fmt: skip
def test_every_way_to_write_tables_is_edited(home: Path, before: str, after: dict[str, Any]) -> None:
    (home / CODEX).parent.mkdir()
    (home / CODEX).write_text(before, encoding="utf-8")
    others = {name: value for name, value in tomllib.loads(before).items() if name != "mcp_servers"}
    assert run("install", "codex").exit_code == 0
    now = held_by_codex(home)
    assert now.pop("mcp_servers").keys() == {*after, "uniner"} and now == others
    assert run("uninstall", "codex").exit_code == 0
    now = held_by_codex(home)
    assert now.pop("mcp_servers", {}) == after and now == others


@pytest.mark.parametrize("command", ["install", "uninstall"])
@pytest.mark.parametrize(
    ("client", "content", "message"),
    [
        ("cursor", b'{"a": 1, b\n}', "not valid JSON (line 1"),
        ("cursor", b"[1]", "is not an object"),
        ("cursor", b"\xff", "UTF-8"),
        ("cursor", b'{"mcpServers": [1]}', "is not an object"),
        ("cursor", b'{"mcpServers": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deeply"),
        ("codex", b"a = = 1", "not valid TOML"),
        ("codex", b"mcp_servers = 1", "is not a table"),
    ],
)
def test_a_file_that_cannot_be_merged_is_left_alone(
    home: Path, command: str, client: str, content: bytes, message: str
) -> None:
    path = clients.CLIENTS[client].path()
    path.parent.mkdir()
    path.write_bytes(content)
    arguments = ["--env", "KEY=sk-secret"] if command == "install" else []
    result = run(command, client, *arguments)
    assert result.exit_code == 2 and message in said(result) and "sk-secret" not in result.output
    assert path.read_bytes() == content and list(path.parent.iterdir()) == [path]


def test_tables_that_cannot_be_edited_alone_are_left_alone(home: Path) -> None:
    (home / CODEX).parent.mkdir()
    dotted = "mcp_servers.other.command = 'y'\nmodel = 'x'\n"
    (home / CODEX).write_text(dotted, encoding="utf-8")
    result = run("install", "codex")
    assert result.exit_code == 2 and "without changing more" in said(result) and "[mcp_servers.uniner]" in result.stderr
    assert (home / CODEX).read_text("utf-8") == dotted


def test_a_dry_run_shows_the_file_and_writes_nothing(home: Path) -> None:
    result = run("install", "vscode", "--dry-run")
    assert json.loads(result.stdout)["servers"]["uniner"]["args"] == ["serve"]
    assert list(home.glob(".config*")) == []
    (home / ".cursor").mkdir()
    (home / ".cursor" / "mcp.json").write_text("", encoding="utf-8")
    assert json.loads(run("install", "cursor", "--dry-run").stdout)["mcpServers"].keys() == {"uniner"}
    assert run("uninstall", "cursor", "--dry-run").stdout == ""
    assert run("uninstall", "windsurf", "--dry-run").stdout == ""


def test_a_link_is_written_through(home: Path) -> None:
    (home / "dotfiles").mkdir()
    (home / "dotfiles" / "mcp.json").write_text("{}", encoding="utf-8")
    (home / ".cursor").mkdir()
    (home / ".cursor" / "mcp.json").symlink_to(home / "dotfiles" / "mcp.json")
    assert run("install", "cursor").exit_code == 0
    assert (home / ".cursor" / "mcp.json").is_symlink()
    assert "uniner" in json.loads((home / "dotfiles" / "mcp.json").read_text(encoding="utf-8"))["mcpServers"]


def test_only_the_user_reads_a_new_file_and_a_failed_write_leaves_the_old_one(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("install", "cursor", "--env", "KEY=secret").exit_code == 0
    path = home / ".cursor" / "mcp.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    written = path.read_bytes()

    def full(self: Path, target: object) -> Path:
        raise OSError(28, "No space left on device", str(target))

    monkeypatch.setattr(Path, "replace", full)
    assert run("install", "cursor").exit_code == 1
    assert path.read_bytes() == written and {one.name for one in path.parent.iterdir()} == {"mcp.json", "mcp.json.bak"}


def test_a_restart_is_asked_for_only_if_the_client_is_there(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "Cursor was not found here" in said(run("install", "cursor"))
    (home / ".codex").mkdir()
    assert "Restart Codex to use it" in said(run("install", "codex"))
    assert "Claude Code was not found here" in said(run("install", "claude-code"))
    assert "Restart Claude Code to apply the change" in said(run("uninstall", "claude-code"))
    (home / "bin").mkdir()
    (home / "bin" / "windsurf").write_text("#!/bin/sh\n", encoding="utf-8")
    (home / "bin" / "windsurf").chmod(0o755)
    monkeypatch.setenv("PATH", str(home / "bin"))
    assert "Restart Windsurf to use it" in said(run("install", "windsurf"))


def test_a_project_has_a_file_of_its_own(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = home / "project"
    project.mkdir()
    of_projects = {name: client.project for name, client in clients.CLIENTS.items() if client.project is not None}
    assert of_projects == {
        "claude-code": ".mcp.json", "codex": ".codex/config.toml", "gemini-cli": ".gemini/settings.json",
        "cursor": ".cursor/mcp.json", "vscode": ".vscode/mcp.json", "zed": ".zed/settings.json",
        "continue": ".continue/mcpServers/uniner.yaml", "junie": ".junie/mcp/mcp.json",
    }  # fmt: skip
    for client in of_projects:
        assert run("install", client, "--project", str(project)).exit_code == 0
    # Others do not have our environment: what they find by its name is not named by its path.
    assert json.loads((project / ".mcp.json").read_text("utf-8"))["mcpServers"]["uniner"]["command"] == "uniner-mcp"
    monkeypatch.setenv("PATH", "/nowhere")
    assert run("install", "cursor", "--project", str(project)).exit_code == 0
    entry = json.loads((project / ".cursor" / "mcp.json").read_text("utf-8"))["mcpServers"]["uniner"]
    assert Path(entry["command"]).is_absolute()
    assert [path.name for path in home.iterdir()] == ["project"]
    assert run("uninstall", "cursor", "--project", str(project)).exit_code == 0
    refused = run("install", "windsurf", "--project", str(project))
    assert refused.exit_code == 2 and "leave out --project" in said(refused)


@pytest.mark.parametrize(
    ("platform", "client", "path"),
    [
        ("darwin", "claude-desktop", "~/Library/Application Support/Claude/claude_desktop_config.json"),
        ("darwin", "vscode", "~/Library/Application Support/Code/User/mcp.json"),
        ("darwin", "cursor", "~/.cursor/mcp.json"),
        ("darwin", "zed", "~/.config/zed/settings.json"),
        ("win32", "claude-desktop", "/roaming/Claude/claude_desktop_config.json"),
        ("win32", "vscode", "/roaming/Code/User/mcp.json"),
        ("win32", "zed", "/roaming/Zed/settings.json"),
    ],
)
def test_each_system_has_its_places(monkeypatch: pytest.MonkeyPatch, platform: str, client: str, path: str) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setenv("APPDATA", "/roaming")
    assert clients.CLIENTS[client].path() == Path(path).expanduser()


def test_a_folder_that_was_moved_is_found(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODEX_HOME", "~/elsewhere")
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(home / "claude"))
    assert clients.CLIENTS["codex"].path() == home / "elsewhere" / "config.toml"
    assert clients.CLIENTS["claude-code"].path() == home / "claude" / ".claude.json"


def test_without_a_command_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda *given, **more: None)
    result = run("install", "cursor")
    assert result.exit_code == 2 and "Cannot find the command" in said(result)


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
_SPACE = st.sampled_from(["", " ", "\n", "\n  ", "// {\n", "/* , } */", ' // "}\n\t'])


@st.composite
def _commented(draw: st.DrawFn, value: object) -> str:
    """The value as JSON with comments, white space and trailing commas anywhere."""
    if isinstance(value, dict):
        members = [
            f"{draw(_SPACE)}{json.dumps(name)}{draw(_SPACE)}:{draw(_SPACE)}{draw(_commented(inner))}{draw(_SPACE)}"
            for name, inner in cast("dict[str, object]", value).items()
        ]
        comma = draw(st.sampled_from(["", ","])) if members else ""
        return "{" + ",".join(members) + comma + draw(_SPACE) + "}"
    return json.dumps(value)


def _read(text: str) -> object:
    return json.loads(jsonc.plain(text))


@settings(max_examples=50, deadline=None)
@given(st.data(), st.dictionaries(st.text(max_size=3), _VALUES, max_size=3), _VALUES)
def test_any_json_with_comments_is_edited_exactly(data: st.DataObject, others: dict[str, Any], entry: object) -> None:
    servers = data.draw(st.none() | st.dictionaries(st.sampled_from(["a", "b", "me"]), _VALUES))
    before: dict[str, Any] = {**others, **({"servers": servers} if servers is not None else {})}
    text = data.draw(_SPACE) + data.draw(_commented(before)) + data.draw(_SPACE)
    assert _read(text) == before
    after = jsonc.put(text, "servers", "me", entry)
    assert _read(after) == {**before, "servers": {**(servers or {}), "me": entry}}
    assert jsonc.put(after, "servers", "me", entry) == after
    rest = jsonc.take(after, "servers", "me")
    assert _read(rest) == {**before, "servers": {name: one for name, one in (servers or {}).items() if name != "me"}}
    assert [comment for comment in ("// {", "/* , } */") if comment in text and comment not in rest] == []


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
    assert remote.exit_code == 2 and "are for a server that the client starts" in " ".join(remote.stderr.split())
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
