"""Time of a call from LangChain over MCP: a new server for each call, one session, and HTTP.

Run it with the Python that has langchain-mcp-adapters (.cache/adapters after .ci/frameworks), with the command
`uniner-mcp` on the PATH: `python benchmarks/langchain_mcp.py`.
"""

from __future__ import annotations

import asyncio
import socket
import statistics
import subprocess
import time
import urllib.request
from importlib.metadata import version
from typing import Any

from langchain_core.tools import BaseTool
from langchain_mcp_adapters.client import MultiServerMCPClient
from langchain_mcp_adapters.tools import load_mcp_tools

ARGUMENTS = {"text": "Marie Curie left Warsaw for Paris.", "entity_types": ["person", "city"]}
SERVE = ["uniner-mcp", "serve", "--no-cache"]


def row(name: str, seconds: list[float]) -> None:
    print(f"{name:44} {seconds[0]:6.2f} {statistics.median(seconds[1:]):6.2f} {len(seconds):6}", flush=True)


async def times(tools: list[BaseTool], calls: int) -> list[float]:
    """Return the seconds of each call."""
    (tool,) = [tool for tool in tools if tool.name == "extract_entities"]
    taken: list[float] = []
    for _ in range(calls):
        began = time.perf_counter()
        assert "Warsaw" in str(await tool.ainvoke(ARGUMENTS))
        taken.append(time.perf_counter() - began)
    return taken


async def measure(name: str, connection: dict[str, Any], without_session: int) -> None:
    client = MultiServerMCPClient({"uniner": connection})  # type: ignore[dict-item]
    row(f"{name}, client.get_tools()", await times(await client.get_tools(), without_session))
    async with client.session("uniner") as session:
        row(f"{name}, client.session()", await times(await load_mcp_tools(session), 30))


async def main() -> None:
    print(f"langchain-mcp-adapters {version('langchain-mcp-adapters')}; seconds of a call")
    print(f"{'':44} {'first':>6} {'median':>6} {'calls':>6}")
    await measure("stdio", {"transport": "stdio", "command": SERVE[0], "args": SERVE[1:]}, 5)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [*SERVE, "--transport", "http", "--port", str(port)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as server:
        try:
            until_up(f"http://127.0.0.1:{port}/health")
            await measure("HTTP", {"transport": "http", "url": f"http://127.0.0.1:{port}/mcp"}, 30)
        finally:
            server.terminate()


def until_up(address: str) -> None:
    for _ in range(600):
        try:
            with urllib.request.urlopen(address):
                return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("The server does not answer.")


asyncio.run(main())
