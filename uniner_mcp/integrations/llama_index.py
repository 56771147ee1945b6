"""LlamaIndex: a `FunctionTool`. Requires the extra `llama-index`.

agent = FunctionAgent(tools=[entity_tool(extractor)], llm=llm)
"""

from __future__ import annotations

from functools import partial
from typing import Any

from anyio import to_thread
from llama_index.core.tools import FunctionTool
from pydantic import ValidationError

from uniner_mcp.errors import UninerError
from uniner_mcp.extraction.sync import SyncExtractor
from uniner_mcp.integrations.tooling import DESCRIPTION, NAME, compact, extract_sync, refusal
from uniner_mcp.requests import ExtractionRequest


def entity_tool(extractor: SyncExtractor) -> FunctionTool:
    """Return a tool for sync and async agents. Errors are reported to the model."""

    def run(**given: Any) -> str:
        try:
            request = ExtractionRequest(**given)
            return compact(extract_sync(extractor, request), request)
        except ValidationError as error:
            return refusal(error)
        except UninerError as error:
            return str(error)

    async def run_async(**given: Any) -> str:
        return await to_thread.run_sync(partial(run, **given))

    return FunctionTool.from_defaults(
        run, name=NAME, description=DESCRIPTION, fn_schema=ExtractionRequest, async_fn=run_async
    )
