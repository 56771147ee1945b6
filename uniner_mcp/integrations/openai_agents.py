"""OpenAI Agents SDK: a function tool, and the MCP server. Requires the extra `openai-agents`.

agent = Agent(name="reader", tools=[entity_tool(extractor)])
agent = Agent(name="reader", mcp_servers=[server])      # async with entity_server() as server:
"""

from __future__ import annotations

import os
from typing import Any

from agents import FunctionTool, RunContextWrapper
from agents.mcp import MCPServerStdio
from pydantic import ValidationError

from uniner_mcp.clients import own_command
from uniner_mcp.errors import UninerError
from uniner_mcp.extraction.extractor import Extractor
from uniner_mcp.integrations.tooling import DESCRIPTION, NAME, compact, extract, refusal
from uniner_mcp.requests import ExtractionRequest


def entity_tool(extractor: Extractor) -> FunctionTool:
    """Return a tool that runs in this process. Errors are reported to the model."""

    async def run(_: RunContextWrapper[Any], given: str) -> str:
        try:
            request = ExtractionRequest.model_validate_json(given)
            return compact(await extract(extractor, request), request)
        except ValidationError as error:
            return refusal(error)
        except UninerError as error:
            return str(error)

    return FunctionTool(NAME, DESCRIPTION, ExtractionRequest.model_json_schema(), run)


def entity_server(*arguments: str) -> MCPServerStdio:
    """Return the MCP server as a separate process: `uniner-mcp serve` with further arguments."""
    # The SDK passes on almost none of the environment, so that settings and keys would be missing.
    return MCPServerStdio(
        {"command": own_command(), "args": ["serve", *arguments], "env": dict(os.environ)}, name="uniner"
    )
