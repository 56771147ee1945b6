"""The clients, and how each is run: once per scenario or once for all, in a home of its own."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
SERVER = Path(sys.executable).with_name("uniner-mcp")
PROMPT = "Find the entities."
TIMEOUT_S = 300
QUIET = {
    "DO_NOT_TRACK": "1",
    "OTEL_SDK_DISABLED": "true",
    "DISABLE_AUTOUPDATER": "1",
    "DISABLE_ERROR_REPORTING": "1",
    "DISABLE_TELEMETRY": "1",
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "GEMINI_TELEMETRY_ENABLED": "false",
    "OPENAI_AGENTS_DISABLE_TRACING": "1",
    "LANGSMITH_TRACING": "false",
}
"""No client may call home."""
CODEX = """model = "gpt-5"
model_provider = "played"
check_for_update_on_startup = false
mcp_optional_startup_grace_ms = 120_000 # It waits one second for servers unless it is told to.

[analytics]
enabled = false

[model_providers.played] # Stays, as everything else in this file.
name = "played"
base_url = "{url}/v1"
wire_api = "responses"
"""
GEMINI = """{
  // Stays, as everything else in this file.
  "general": {"enableAutoUpdate": false, "enableAutoUpdateNotification": false},
  "privacy": {"usageStatisticsEnabled": false},
  "security": {"auth": {"selectedType": "gemini-api-key"}}
}
"""


@dataclass(frozen=True)
class Subject:
    """A client. environment: `node`, or the name of a Python environment. how: a method of `Runner`."""

    title: str
    package: str
    environment: str
    how: str


SUBJECTS = {
    "claude-code": Subject("Claude Code", "@anthropic-ai/claude-code", "node", "claude"),
    "codex": Subject("Codex", "@openai/codex", "node", "codex"),
    "gemini-cli": Subject("Gemini CLI", "@google/gemini-cli", "node", "gemini"),
    "ts-sdk-1": Subject("TypeScript SDK 1", "@modelcontextprotocol/sdk", "node", "sdk"),
    "ts-sdk-2": Subject("TypeScript SDK 2", "@modelcontextprotocol/client", "node", "sdk"),
    "langchain-js": Subject("LangChain, JavaScript", "@langchain/mcp-adapters", "node", "framework"),
    "langchain-py": Subject("LangChain, Python", "langchain-mcp-adapters", "google", "framework"),
    "openai-agents-js": Subject("OpenAI Agents, JavaScript", "@openai/agents", "node", "framework"),
    "openai-agents-py": Subject("OpenAI Agents, Python", "openai-agents", "agents", "framework"),
    "pydantic-ai-openai": Subject("Pydantic AI, OpenAI model", "pydantic-ai-slim", "agents", "framework"),
    "pydantic-ai-anthropic": Subject("Pydantic AI, Anthropic model", "pydantic-ai-slim", "agents", "framework"),
    "pydantic-ai-gemini": Subject("Pydantic AI, Gemini model", "pydantic-ai-slim", "agents", "framework"),
    "google-genai-js": Subject("google-genai, JavaScript", "@google/genai", "node", "framework"),
    "google-genai-py": Subject("google-genai, Python", "google-genai", "google", "framework"),
    "google-adk": Subject("Google ADK", "google-adk", "google", "framework"),
}


@dataclass(frozen=True)
class Scenario:
    """What the model asks for: the arguments of the call, and settings of the server."""

    arguments: Mapping[str, Any]
    env: Mapping[str, str] = dataclasses.field(default_factory=dict[str, str])


class Runner:
    """Runs clients. folder: the environments; scratch: where homes are made; played: the URL of the model."""

    def __init__(self, folder: Path, scratch: Path, played: str, scenarios: Mapping[str, Scenario]) -> None:
        self.folder = folder.resolve()
        self.scratch = scratch
        self.played = played
        self.cache = self.folder / "answers.sqlite"
        self.scenarios = scenarios
        self.bin = self.folder / "node" / "node_modules" / ".bin"
        listed = {name: dataclasses.asdict(scenario) for name, scenario in scenarios.items()}
        (scratch / "scenarios.json").write_text(json.dumps(listed), encoding="utf-8")
        for script in HERE.glob("*.mjs"):
            shutil.copy(script, self.folder / "node")  # Node looks for packages beside the script.

    def run(self, name: str) -> str:
        """Run a client with every scenario, and return what it printed."""
        log = self.scratch / f"{name}.log"
        try:
            getattr(self, f"_{SUBJECTS[name].how}")(name)
        except subprocess.TimeoutExpired:
            return log.read_text(encoding="utf-8") + "\ntimed out"
        return log.read_text(encoding="utf-8")

    def version(self, name: str) -> str:
        """Return the version of its package."""
        subject = SUBJECTS[name]
        if subject.environment == "node":
            package = self.folder / "node" / "node_modules" / subject.package / "package.json"
            return json.loads(package.read_text(encoding="utf-8"))["version"]
        code = f"import importlib.metadata as m; print(m.version({subject.package!r}))"
        return subprocess.check_output([self._python(subject), "-c", code], text=True).strip()

    def _sdk(self, name: str) -> None:
        self._command(name, ["node", str(self.folder / "node" / "sdk.mjs"), name])

    def _framework(self, name: str) -> None:
        subject = SUBJECTS[name]
        if subject.environment == "node":
            self._command(name, ["node", str(self.folder / "node" / "frameworks.mjs"), name])
        else:
            self._command(name, [self._python(subject), str(HERE / "frameworks.py"), name])

    def _claude(self, name: str) -> None:
        tool = "mcp__uniner__extract_entities"
        command = [str(self.bin / "claude"), "-p", PROMPT, "--model", "claude-sonnet-4-5", "--allowedTools", tool]
        # It waits only briefly for servers unless it is told to.
        patient = {"MCP_CONNECTION_NONBLOCKING": "0", "MCP_CONNECT_TIMEOUT_MS": "120000", "MCP_TIMEOUT": "120000"}
        self._each(name, command, lambda url: {"ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": "none", **patient})

    def _codex(self, name: str) -> None:
        patient = ["-c", "mcp_servers.uniner.startup_timeout_sec=120"]
        command = [str(self.bin / "codex"), "exec", "--skip-git-repo-check", *patient, PROMPT]
        self._each(name, command, lambda _: {}, (".codex/config.toml", CODEX))

    def _gemini(self, name: str) -> None:
        command = [str(self.bin / "gemini"), "-p", PROMPT, "-m", "gemini-2.5-pro", "--yolo", "--skip-trust"]
        self._each(
            name,
            command,
            lambda url: {"GOOGLE_GEMINI_BASE_URL": url, "GEMINI_API_KEY": "none"},
            (".gemini/settings.json", GEMINI),
        )

    def _each(
        self,
        name: str,
        command: list[str],
        variables: Callable[[str], Mapping[str, str]],
        settings: tuple[str, str] | None = None,
    ) -> None:
        """Run a command once per scenario, in a home into which our own `install` wrote the configuration."""
        for scenario, asked in self.scenarios.items():
            url = f"{self.played}/{name}/{scenario}"
            home = self.scratch / name / scenario
            if settings is not None:
                path = home / settings[0]
                path.parent.mkdir(parents=True)
                path.write_text(settings[1].replace("{url}", url), encoding="utf-8")
            else:
                home.mkdir(parents=True)
            env = {"UNINER_CACHE_PATH": str(self.cache), **asked.env}
            given = [part for variable, value in env.items() for part in ("--env", f"{variable}={value}")]
            self._command(name, [str(SERVER), "install", name, *given], {"HOME": str(home)})
            self._command(name, command, {"HOME": str(home), **variables(url)}, home)
            if settings is not None:
                assert "# Stays" in path.read_text("utf-8") or "// Stays" in path.read_text("utf-8")

    def _command(
        self, name: str, command: list[str], more: Mapping[str, str] | None = None, folder: Path | None = None
    ) -> None:
        home = self.scratch / name
        home.mkdir(exist_ok=True)
        environment = {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "HOME": str(home),
            "NO_PROXY": "127.0.0.1,localhost",
            "GOOGLE_API_KEY": "none",
            "SERVER": str(SERVER),
            "PLAYED": f"{self.played}/{name}",
            "SCENARIOS": str(self.scratch / "scenarios.json"),
            "UNINER_CACHE_PATH": str(self.cache),
            **QUIET,
            **(more or {}),
        }
        with (self.scratch / f"{name}.log").open("a", encoding="utf-8") as log:
            subprocess.run(
                command, env=environment, cwd=folder or home, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                timeout=TIMEOUT_S, check=False,
            )  # fmt: skip

    def _python(self, subject: Subject) -> str:
        return str(self.folder / subject.environment / "bin" / "python")
