"""Pydantic AI: a toolset. Requires the extra `pydantic-ai`.

    agent = Agent(model, toolsets=[entity_toolset(extractor)])

To use MCP instead: `MCPToolset` with the command `uniner-mcp serve`.
"""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError
from pydantic_ai import FunctionToolset, ModelRetry, Tool

from uniner_mcp.errors import UninerError
from uniner_mcp.extraction.extractor import Extractor
from uniner_mcp.integrations.tooling import DESCRIPTION, NAME, extract, refusal, shown
from uniner_mcp.requests import ExtractionRequest


def entity_toolset(extractor: Extractor) -> FunctionToolset[Any]:
    """Return a toolset with `extract_entities`. Errors are reported to the model, which is asked to retry."""

    async def run(**given: Any) -> dict[str, Any]:
        try:
            request = ExtractionRequest(**given)
            return shown(await extract(extractor, request), request)
        except ValidationError as error:
            raise ModelRetry(refusal(error)) from None
        except UninerError as error:
            raise ModelRetry(str(error)) from None

    tool = Tool[Any].from_schema(run, NAME, DESCRIPTION, ExtractionRequest.model_json_schema(), takes_ctx=False)
    return FunctionToolset([tool])
