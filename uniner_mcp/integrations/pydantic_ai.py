"""Pydantic AI: a toolset. Needs the extra `pydantic-ai`.

    agent = Agent(model, toolsets=[entity_toolset(extractor)])

Over MCP: `MCPToolset` with the command `uniner-mcp serve`.
"""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError
from pydantic_ai import FunctionToolset, ModelRetry, Tool

from uniner_mcp.errors import UninerError
from uniner_mcp.extraction.extractor import Extractor
from uniner_mcp.integrations.tooling import DESCRIPTION, NAME, extract, refusal
from uniner_mcp.schema import Extraction, ExtractionRequest


def entity_toolset(extractor: Extractor) -> FunctionToolset[Any]:
    """A toolset with `extract_entities`. The model is told what is wrong, and asked again."""

    async def run(**given: Any) -> Extraction:
        try:
            return await extract(extractor, ExtractionRequest(**given))
        except ValidationError as error:
            raise ModelRetry(refusal(error)) from None
        except UninerError as error:
            raise ModelRetry(str(error)) from None

    tool = Tool[Any].from_schema(run, NAME, DESCRIPTION, ExtractionRequest.model_json_schema(), takes_ctx=False)
    return FunctionToolset([tool])
