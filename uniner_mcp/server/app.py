"""The MCP server around an extractor."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from typing import Any

from mcp import MCPError
from mcp.server import CacheHint, MCPServer
from mcp.server.lowlevel.helper_types import ReadResourceContents
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import (
    ResourceError,
    ResourceNotFoundError,
    ToolError,
    UnexpectedToolError,
)
from mcp.types import INTERNAL_ERROR, CallToolResult, GetPromptResult, Icon, InputRequiredResult
from pydantic import AnyUrl, ValidationError

import uniner_mcp
from uniner_mcp.arguments import faults
from uniner_mcp.extraction.extractor import Extractor
from uniner_mcp.schema import DomainList
from uniner_mcp.server.card import card_extension
from uniner_mcp.server.exchanges import until_gone
from uniner_mcp.server.files import Files, add_files
from uniner_mcp.server.guard import FAILED, check_prompt, guard, invalid, no_resource
from uniner_mcp.server.logs import log_failure, quiet_libraries
from uniner_mcp.server.prompts import add_prompts
from uniner_mcp.server.resources import add_resources
from uniner_mcp.server.stdio import run_stdio
from uniner_mcp.server.stopping import Stop
from uniner_mcp.server.tools import (
    REQUESTS,
    Answering,
    extract_entities_tool,
    extract_from_file_tool,
    list_domains_tool,
)
from uniner_mcp.server.waiting import Places
from uniner_mcp.settings import Settings, load_settings

_INSTRUCTIONS = (
    "Finds mentions of any kind of entity in a text, with exact character offsets. Call extract_entities with the text "
    "and either entity_types (any names in plain words, such as 'person', 'gene', 'court') or a domain from "
    "list_domains. Singular, specific names work best; describe unusual types in meanings. Check `truncated`, "
    "`unanswered`, `ungrounded` and `warnings` in the result: they report everything that is missing. For an overview "
    "of a long text, ask for result 'mentions' or 'counts'."
)
_FILE_INSTRUCTIONS = (
    "For a file, call extract_from_file with its path instead of copying its text into a call of extract_entities."
)
_ICON = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="6" \
fill="#1f4e79"/><path d="M5 11h22M5 17h9M24 17h3M5 23h15" stroke="#fff" stroke-width="2.5" stroke-linecap="round"/>\
<rect x="15" y="14" width="8" height="6" rx="2" fill="#ffb703"/></svg>"""
_HOUR_MS = 3_600_000


class UninerServer(MCPServer[object]):
    """The SDK's server, whose errors do not repeat what the caller sent: it may be the text."""

    _tools: Sequence[str] = ()

    async def run_stdio(self, stop: Stop) -> None:
        """Serve over stdin and stdout until the input ends or the server is to stop."""
        await run_stdio(self._lowlevel_server, stop)

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[object, Any] | None = None
    ) -> CallToolResult | InputRequiredResult:
        """Call a tool. Raises ToolError, or MCPError if there is no such tool."""
        if name not in self._tools:
            self._tools = [tool.name for tool in await self.list_tools()]  # Costs more than a cached answer.
        if name not in self._tools:
            raise invalid(f"There is no such tool. The tools are: {', '.join(self._tools)}.")
        try:
            if name in REQUESTS:
                arguments = {"request": REQUESTS[name].model_validate(arguments)}
            return await super().call_tool(name, arguments, context)
        except ValidationError as error:
            raise ToolError(f"The arguments do not match the schema of {name}: {faults(error)}.") from None
        except UnexpectedToolError as error:
            cause = error.__cause__ or error
            log_failure(f"The tool {name}", cause)
            raise ToolError(FAILED.format(kind=type(cause).__name__)) from None

    async def get_prompt(
        self, name: str, arguments: dict[str, Any] | None = None, context: Context[object, Any] | None = None
    ) -> GetPromptResult | InputRequiredResult:
        """Fill in a prompt. Raises MCPError if it does not exist or takes other arguments."""
        check_prompt(await self.list_prompts(), name, arguments)
        return await super().get_prompt(name, arguments, context)

    async def read_resource(
        self, uri: AnyUrl | str, context: Context[object, Any] | None = None
    ) -> Iterable[ReadResourceContents] | InputRequiredResult:
        """Read a resource. Raises MCPError if it does not exist."""
        try:
            return await super().read_resource(uri, context)
        except ResourceNotFoundError:
            said = "There is no such resource: list the resources and resource templates."
            raise no_resource(said, str(uri)) from None
        except ResourceError as error:
            cause = error.__cause__ or error
            log_failure("A resource", cause)
            raise MCPError(INTERNAL_ERROR, FAILED.format(kind=type(cause).__name__)) from None


def build_server(extractor: Extractor, domains: DomainList, settings: Settings | None = None) -> UninerServer:
    """Return an MCP server that answers with `extractor`, which the caller closes.

    domains: the result of `list_domains`.
    settings: limits of calls and results; default: `load_settings()`.
    """
    quiet_libraries()
    settings = settings or load_settings()
    answering = Answering(extractor, Places(settings.concurrency, settings.max_waiting))
    tools = [extract_entities_tool(answering, settings.max_result_chars), list_domains_tool(domains)]
    files = Files(settings) if settings.files else None
    if files is not None:
        tools.insert(1, extract_from_file_tool(answering, settings.max_result_chars, files))
    hint = CacheHint(ttl_ms=_HOUR_MS, scope="public")
    server = UninerServer(
        "uniner-mcp",
        title="UniNER: find any entity",
        description="Open named entity recognition: any entity type, exact offsets, local by default.",
        instructions=f"{_INSTRUCTIONS} {_FILE_INSTRUCTIONS}" if files is not None else _INSTRUCTIONS,
        version=uniner_mcp.__version__,
        icons=[
            Icon(
                src="data:image/svg+xml;base64," + base64.b64encode(_ICON.encode()).decode(),
                mime_type="image/svg+xml",
                sizes=["any"],
            )
        ],
        tools=tools,
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
        middleware=[guard, until_gone],
    )
    add_resources(server, extractor, domains)
    if files is not None:
        add_files(server, files)
    add_prompts(server, domains)
    return server
