"""Results of tools: the same JSON as structured content and as text. Clients show the model one of them, or both."""

from __future__ import annotations

from typing import Any

from mcp.types import CallToolResult, TextContent

from uniner_mcp.extraction.views import as_text


def result(data: dict[str, Any]) -> Any:
    """Return JSON data as the result of a tool."""
    return CallToolResult(content=[TextContent(type="text", text=as_text(data))], structured_content=data)
