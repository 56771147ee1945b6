#!/usr/bin/env bash
# The tools of langchain-mcp-adapters start a new MCP server for every call.
#
# One would guess: `MultiServerMCPClient` is a client, so `tools = await client.get_tools()` connects to its servers, and
#   the tools use that connection until the client is gone, as in the MCP SDK and other frameworks.
# What happens: `get_tools()` starts the server, lists its tools and ends it. Each call of a tool starts another process,
#   initializes it, calls it once and ends it. Only tools from `load_mcp_tools(session)`, inside of
#   `async with client.session(name) as session`, share one process. There is no warning either way.
# Why it matters: a server that loads a model or keeps a cache in memory does so again for each call (seconds instead of
#   milliseconds), and a server that keeps state between calls loses it.
# Versions: langchain-mcp-adapters 0.3.2, langchain-core 1.8.3, mcp 1.30.0, CPython 3.11.
# Source: langchain-mcp-adapters, client.py ("a new session will be created for each tool call").
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet \
    langchain-mcp-adapters==0.3.2 langchain-core==1.8.3 mcp==1.30.0 2>/dev/null
cat >"$folder/server.py" <<'PYTHON'
import os

from mcp.server.fastmcp import FastMCP

server = FastMCP("which", log_level="ERROR")


@server.tool()
def process() -> str:
    return str(os.getpid())


server.run()
PYTHON
cat >"$folder/run.py" <<'PYTHON'
import asyncio
import sys
from importlib.metadata import version

from langchain_mcp_adapters.client import MultiServerMCPClient
from langchain_mcp_adapters.tools import load_mcp_tools


async def processes(tools):
    """The number of processes that answer three calls."""
    (tool,) = tools
    return len({str((await tool.ainvoke({}))[0]["text"]) for _ in range(3)})


async def main():
    print("langchain-mcp-adapters", version("langchain-mcp-adapters"))
    server = {"transport": "stdio", "command": sys.executable, "args": [sys.argv[1]]}
    client = MultiServerMCPClient({"which": server})
    alone = await processes(await client.get_tools())
    async with client.session("which") as session:
        together = await processes(await load_mcp_tools(session))
    print("processes that answered three calls: tools of get_tools():", alone, " tools of a session:", together)
    return (alone, together) != (3, 1)


sys.exit(asyncio.run(main()))
PYTHON
"$folder/venv/bin/python" "$folder/run.py" "$folder/server.py"
