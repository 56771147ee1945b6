"""An agent that finds all organizations of a PDF file of 100 pages: by its path, and by copying its text into the call.

python benchmarks/agent_files.py

The hosts are the OpenAI Agents SDK and Pydantic AI, with a played model: a local server that speaks the API of OpenAI,
calls one tool until the result has no `next_start`, and then answers. What goes through the model is measured as the
characters of each request and answer divided by four, an estimate of tokens. Install openai-agents,
pydantic-ai-slim[openai,mcp] and reportlab beside uniner-mcp[files].
"""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import shutil
import sys
import tempfile
import textwrap
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from uniner_mcp import read_document

TEXTS = Path(__file__).parent.parent / "data" / "synthetic_open" / "train.jsonl.gz"
PAGES = 100
TOPICS = 80
"""Number of texts, which the report repeats, as reports repeat the names of those they are about."""
LINES, WIDTH = 54, 88
OPTIONS = {"entity_types": ["organization"], "result": "mentions"}
TIMEOUT_S = 3600


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        report = folder / "report.pdf"
        write_report(report)
        text = read_document(report).text
        print(f"report.pdf: {PAGES} pages, {len(text):,} characters of text")
        ways = {
            "extract_from_file": ("Find all organizations in report.pdf.", {"path": "report.pdf"}),
            "extract_entities": (f"Find all organizations in this report:\n\n{text}", {"text": text}),
        }
        for host in (openai_agents, pydantic_ai):
            for tool, (prompt, argument) in ways.items():
                run(host, tool, prompt, argument, folder)


def write_report(path: Path) -> None:
    """Write the texts of the data set as a report of `PAGES` full pages."""
    from reportlab.pdfgen.canvas import Canvas

    lines = report_lines()
    canvas = Canvas(str(path))
    for _ in range(PAGES):
        page = canvas.beginText(60, 790)
        for _ in range(LINES):
            page.textLine(next(lines))
        canvas.drawText(page)
        canvas.showPage()
    canvas.save()


def report_lines() -> Iterator[str]:
    with gzip.open(TEXTS, "rt", encoding="utf-8") as lines:
        texts = [json.loads(line)["text"] for line in islice(lines, TOPICS)]
    for text in cycle(texts):
        # The built-in fonts of PDF have the characters of Latin-1.
        yield from textwrap.wrap(text.encode("latin-1", "replace").decode("latin-1"), WIDTH)
        yield ""


@dataclass
class Played:
    """A model that calls `tool` with `arguments` until nothing is left, and what it read and wrote."""

    tool: str
    arguments: dict[str, Any]
    read: int = 0
    written: int = 0
    calls: int = 0
    found: set[str] = field(default_factory=set[str])

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return the message that follows a conversation."""
        last = request["messages"][-1]
        arguments: dict[str, Any] | None = self.arguments
        if last["role"] == "tool":
            result = json.loads(_text(last["content"]))
            self.found |= {mention["text"] for mention in result["mentions"]}
            start = result.get("next_start")
            arguments = None if start is None else {**self.arguments, "start": start}
        if arguments is None:
            return {"role": "assistant", "content": f"There are {len(self.found)} organizations."}
        self.calls += 1
        call = {"name": self.tool, "arguments": json.dumps(arguments, ensure_ascii=False)}
        called = {"id": f"call_{self.calls}", "type": "function", "function": call}
        return {"role": "assistant", "content": None, "tool_calls": [called]}


def _text(content: Any) -> str:
    text = content if isinstance(content, str) else content[0]["text"]
    decoded = json.loads(text)
    # One host passes the content block on, as JSON.
    return decoded["text"] if isinstance(decoded, dict) and decoded.get("type") == "text" else text


@contextmanager
def serving(played: Played) -> Iterator[str]:
    """Serve the model. Yields its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            request = json.loads(body)
            message = played.answer(request)
            shown = [request["messages"], request.get("tools", [])]
            played.read += len(json.dumps(shown, ensure_ascii=False))
            played.written += len(json.dumps(message, ensure_ascii=False))
            reason = "tool_calls" if message.get("tool_calls") else "stop"
            choice = {"index": 0, "finish_reason": reason, "message": message}
            usage = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
            answer = {"id": "x", "object": "chat.completion", "created": 0, "model": "played", "choices": [choice]}
            written = json.dumps({**answer, "usage": usage}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(written)))
            self.end_headers()
            self.wfile.write(written)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()


def run(host: Any, tool: str, prompt: str, argument: dict[str, str], folder: Path) -> None:
    played = Played(tool, {**argument, **OPTIONS})
    # The first run of each way answers everything itself.
    environment = {**os.environ, "UNINER_CACHE_PATH": str(folder / f"{host.__name__}-{tool}.sqlite")}
    arguments = ["serve", "--files", str(folder)]
    begun = time.perf_counter()
    with serving(played) as url:
        said = asyncio.run(host(url, prompt, arguments, {**environment, "UNINER_REQUEST_TIMEOUT_S": str(TIMEOUT_S)}))
    took = time.perf_counter() - begun
    print(
        f"{host.__name__:<14} {tool:<18} {played.calls} calls, {len(played.found)} distinct organizations, "
        f"tokens read {played.read // 4:,}, written {played.written // 4:,}, {took:.0f} s: {said}",
        flush=True,
    )


async def openai_agents(url: str, prompt: str, arguments: list[str], environment: dict[str, str]) -> str:
    import agents
    from agents.mcp import MCPServerStdio
    from openai import AsyncOpenAI

    agents.set_tracing_disabled(True)
    model = agents.OpenAIChatCompletionsModel("played", AsyncOpenAI(api_key="none", base_url=url))
    parameters: Any = {"command": command(), "args": arguments, "env": environment}
    async with MCPServerStdio(parameters, client_session_timeout_seconds=TIMEOUT_S) as server:
        agent = agents.Agent("reader", model=model, mcp_servers=[server])
        return (await agents.Runner.run(agent, prompt, max_turns=50)).final_output


async def pydantic_ai(url: str, prompt: str, arguments: list[str], environment: dict[str, str]) -> str:
    from fastmcp.client.transports import StdioTransport
    from pydantic_ai import Agent
    from pydantic_ai.mcp import MCPToolset
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    transport = StdioTransport(command=command(), args=arguments, env=environment)
    model = OpenAIChatModel("played", provider=OpenAIProvider(base_url=url, api_key="none"))
    agent = Agent(model, toolsets=[MCPToolset(transport, init_timeout=TIMEOUT_S, read_timeout=TIMEOUT_S)])
    async with agent:
        return (await agent.run(prompt)).output


def command() -> str:
    beside = shutil.which("uniner-mcp", path=str(Path(sys.executable).parent))
    return beside or "uniner-mcp"


if __name__ == "__main__":
    main()
