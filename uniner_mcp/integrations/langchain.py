"""LangChain and LangGraph: a `StructuredTool`. Requires the extra `langchain`.

    with SyncExtractor.open() as extractor:
        agent = create_agent(model, tools=[entity_tool(extractor)])

To use MCP instead: `langchain-mcp-adapters`, in a separate environment because it requires an older MCP SDK, with
`{"transport": "stdio", "command": "uniner-mcp", "args": ["serve"]}`.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from anyio import to_thread
from langchain_core.tools import StructuredTool, ToolException

from uniner_mcp.errors import UninerError
from uniner_mcp.extraction.sync import SyncExtractor
from uniner_mcp.integrations.tooling import DESCRIPTION, NAME, compact, extract_sync, refusal
from uniner_mcp.requests import ExtractionRequest
from uniner_mcp.schema import Extraction


def entity_tool(extractor: SyncExtractor) -> StructuredTool:
    """Return a tool for sync and async agents; its artifact is the `Extraction`. Errors are reported to the model."""

    def run(**given: Any) -> tuple[str, Extraction]:
        try:
            request = ExtractionRequest(**given)
            extraction = extract_sync(extractor, request)
            return compact(extraction, request), extraction
        except UninerError as error:
            raise ToolException(str(error)) from error

    async def run_async(**given: Any) -> tuple[str, Extraction]:
        return await to_thread.run_sync(partial(run, **given))

    return StructuredTool.from_function(
        run,
        coroutine=run_async,
        name=NAME,
        description=DESCRIPTION,
        # Not the model, of which LangChain makes another one with another schema.
        args_schema=ExtractionRequest.model_json_schema(),
        response_format="content_and_artifact",
        handle_tool_error=True,
        handle_validation_error=refusal,
    )
