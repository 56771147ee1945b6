"""The MCP server around an extractor."""

from __future__ import annotations

import base64
from typing import Any

from mcp.server import CacheHint, MCPServer
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import CallToolResult, Icon, InputRequiredResult
from pydantic import ValidationError

import uniner_mcp
from uniner_mcp.extraction.extractor import Extractor
from uniner_mcp.schema import DomainList
from uniner_mcp.server.card import card_extension
from uniner_mcp.server.prompts import add_prompts
from uniner_mcp.server.resources import add_resources
from uniner_mcp.server.tools import add_tools

_INSTRUCTIONS = (
    "Finds mentions of any kind of entity in a text, with exact character offsets. Call extract_entities with the text "
    "and either entity_types (any names in plain words, such as 'person', 'gene', 'court') or a domain from "
    "list_domains. Singular, specific names work best; describe unusual types in definitions. Check `unanswered`, "
    "`ungrounded` and `truncated` in the result: they report everything that is missing."
)
_ICON = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="6" \
fill="#1f4e79"/><path d="M5 11h22M5 17h9M24 17h3M5 23h15" stroke="#fff" stroke-width="2.5" stroke-linecap="round"/>\
<rect x="15" y="14" width="8" height="6" rx="2" fill="#ffb703"/></svg>"""
_HOUR_MS = 3_600_000


class _Server(MCPServer[object]):
    """The SDK's server, without the caller's arguments in validation errors: they may be the text."""

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[object, Any] | None = None
    ) -> CallToolResult | InputRequiredResult:
        try:
            return await super().call_tool(name, arguments, context)
        except ToolError as error:
            if not isinstance(error.__cause__, ValidationError):
                raise
            faults = error.__cause__.errors(include_input=False, include_url=False)
            said = "; ".join(f"`{'.'.join(map(str, fault['loc'][:1]))}`: {fault['msg']}" for fault in faults)
            raise ToolError(f"The arguments do not match the schema of {name}: {said}.") from None


def build_server(extractor: Extractor, domains: DomainList) -> MCPServer[object]:
    """Return an MCP server that answers with `extractor`, which the caller closes.

    domains: the result of `list_domains`.
    """
    hint = CacheHint(ttl_ms=_HOUR_MS, scope="public")
    server = _Server(
        "uniner-mcp",
        title="UniNER: find any entity",
        description="Open named entity recognition: any entity type, exact offsets, local by default.",
        instructions=_INSTRUCTIONS,
        version=uniner_mcp.__version__,
        icons=[
            Icon(
                src="data:image/svg+xml;base64," + base64.b64encode(_ICON.encode()).decode(),
                mime_type="image/svg+xml",
                sizes=["any"],
            )
        ],
        log_level="WARNING",
        cache_hints={
            "tools/list": hint,
            "prompts/list": hint,
            "resources/list": hint,
            "resources/templates/list": hint,
            "server/discover": hint,
        },
        extensions=[card_extension()],
        # The tools never change while the server runs, so there are no list-changed notifications.
        subscriptions=False,
    )
    add_tools(server, extractor, domains)
    add_resources(server, extractor, domains)
    add_prompts(server, domains)
    return server
