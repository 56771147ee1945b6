"""An MCP server whose only tool immediately returns a fixed result: a lower bound for the overhead of any server.

`echo_server.py RESULT [PORT]` serves over HTTP on PORT, or over stdio without it; RESULT is an Extraction as JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Annotated, Any

from mcp.server import MCPServer
from mcp.types import CallToolResult, TextContent

from uniner_mcp.schema import Extraction


def build_echo(answer: Extraction) -> MCPServer[object]:
    """Return a server with a tool `echo(text)` that returns `answer`, as extract_entities would."""
    server: MCPServer[object] = MCPServer("echo", version="1", log_level="WARNING", subscriptions=False)
    structured = answer.model_dump(mode="json", exclude_none=True)
    text = json.dumps(structured, separators=(",", ":"))

    @server.tool(structured_output=True)
    async def echo(text_: str) -> Annotated[CallToolResult, Extraction]:  # pyright: ignore[reportUnusedFunction]
        """Answer immediately."""
        result: Any = CallToolResult(content=[TextContent(type="text", text=text)], structured_content=structured)
        return result

    return server


if __name__ == "__main__":
    echo_server = build_echo(Extraction.model_validate_json(sys.argv[1]))
    if len(sys.argv) > 2:
        asyncio.run(echo_server.run_streamable_http_async(port=int(sys.argv[2])))
    else:
        asyncio.run(echo_server.run_stdio_async())
