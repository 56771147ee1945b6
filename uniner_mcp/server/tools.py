"""The two tools that an agent sees. Both answer with the same compact JSON as structured content and as text."""

from __future__ import annotations

from typing import Annotated, Any, get_args

from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import CallToolResult, TextContent, ToolAnnotations
from pydantic import BaseModel, Field

from uniner_mcp.errors import UninerError
from uniner_mcp.extraction.extractor import Extractor
from uniner_mcp.schema import DomainList, Extraction, Overlap


def _result(model: BaseModel) -> Any:
    return CallToolResult(
        content=[TextContent(type="text", text=model.model_dump_json(exclude_none=True))],
        structured_content=model.model_dump(mode="json", exclude_none=True),
    )


def add_tools(server: MCPServer[object], extractor: Extractor, domains: DomainList) -> None:
    """Add `extract_entities` and `list_domains`."""

    @server.tool(
        title="Extract entities of any type",
        annotations=ToolAnnotations(
            title="Extract entities of any type",
            read_only_hint=True,
            destructive_hint=False,
            idempotent_hint=True,
            open_world_hint=extractor.info().leaves_machine,
        ),
        structured_output=True,
    )
    async def extract_entities(  # pyright: ignore[reportUnusedFunction]
        text: Annotated[str, Field(description="The text to read, of any length.")],
        ctx: Context[object],
        entity_types: Annotated[
            list[str] | None,
            Field(
                description="Kinds of things to find, in plain singular words: 'person', 'gene', 'court', 'left-back'. "
                "Give this or `domain`."
            ),
        ] = None,
        domain: Annotated[
            str | None,
            Field(description="A domain of list_domains, whose usual types are then asked. Give this or entity_types."),
        ] = None,
        definitions: Annotated[
            dict[str, str] | None,
            Field(description="What a type means, by its name, where the name alone does not say: {name: sentence}."),
        ] = None,
        min_confidence: Annotated[
            float, Field(description="Leave out entities the model is less sure of, 0 to 1.")
        ] = 0.0,
        overlap: Annotated[
            str,
            Field(
                description="flat: no two entities overlap, the best are kept; nested: only one inside another; "
                "all: everything that was found.",
                json_schema_extra={"enum": list(get_args(Overlap))},
            ),
        ] = "flat",
        limit: Annotated[int | None, Field(description="At most so many entities, the first in the text.")] = None,
    ) -> Annotated[CallToolResult, Extraction]:
        """Find every mention of the given entity types in a text, with exact character offsets and confidence.

        Any type can be asked. Ask all types of a text in one call. The result lists the entities in reading order
        (`text[start:end]` is the mention, offsets count Unicode code points), the types that could not be answered
        (`unanswered`), and whether `limit` cut the list (`truncated`).
        """

        async def report(done: int, total: int) -> None:
            await ctx.report_progress(done, total, f"Read passage {done} of {total}")

        try:
            extraction = await extractor.extract(
                text,
                entity_types,
                domain,
                definitions,
                min_confidence=min_confidence,
                overlap=overlap,
                limit=limit,
                on_progress=report,
            )
        except UninerError as error:
            raise ToolError(str(error)) from None
        return _result(extraction)

    @server.tool(
        title="List domains",
        annotations=ToolAnnotations(
            title="List domains",
            read_only_hint=True,
            destructive_hint=False,
            idempotent_hint=True,
            open_world_hint=False,
        ),
        structured_output=True,
    )
    def list_domains() -> Annotated[CallToolResult, DomainList]:  # pyright: ignore[reportUnusedFunction]
        """List the nine domains: what each is for, the entity types asked in it, and the accuracy to expect there."""
        return _result(domains)
