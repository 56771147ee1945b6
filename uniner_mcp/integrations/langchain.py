"""LangChain and LangGraph: a `StructuredTool`. Requires the extra `langchain`.

    with SyncExtractor.open() as extractor:
        agent = create_agent(model, tools=[entity_tool(extractor)])

To use MCP instead: `langchain-mcp-adapters`, in a separate environment because it requires an older MCP SDK, with
`{"transport": "stdio", "command": "uniner-mcp", "args": ["serve"]}`.
"""

from __future__ import annotations

import asyncio
from typing import Any

from langchain_core.tools import StructuredTool, ToolException

from uniner_mcp.errors import UninerError
from uniner_mcp.extraction.sync import SyncExtractor
from uniner_mcp.integrations.tooling import DESCRIPTION, NAME, compact, extract_sync, refusal, submit
from uniner_mcp.schema import Extraction, ExtractionRequest


def entity_tool(extractor: SyncExtractor) -> StructuredTool:
    """Return a tool for sync and async agents; its artifact is the `Extraction`. Errors are reported to the model."""

    def run(**given: Any) -> tuple[str, Extraction]:
        try:
            extraction = extract_sync(extractor, ExtractionRequest(**given))
        except UninerError as error:
            raise ToolException(str(error)) from error
        return compact(extraction), extraction

    async def run_async(**given: Any) -> tuple[str, Extraction]:
        try:
            extraction = await asyncio.wrap_future(submit(extractor, ExtractionRequest(**given)))
        except UninerError as error:
            raise ToolException(str(error)) from error
        return compact(extraction), extraction

    return StructuredTool.from_function(
        run,
        coroutine=run_async,
        name=NAME,
        description=DESCRIPTION,
        args_schema=ExtractionRequest,
        response_format="content_and_artifact",
        handle_tool_error=True,
        handle_validation_error=refusal,
    )
