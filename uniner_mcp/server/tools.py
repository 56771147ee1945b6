"""The tools."""

# No `from __future__ import annotations`: annotations name resolvers that are closures.

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from inspect import cleandoc
from typing import Annotated, Any, get_args

from mcp.server import MCPServer
from mcp.server.mcpserver import AcceptedElicitation, Context, Elicit, ElicitationResult, Resolve
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import CallToolResult, ToolAnnotations
from pydantic import Field

from uniner_mcp.errors import ExtractionError, UninerError
from uniner_mcp.extraction.consent import consent_question, wants_consent
from uniner_mcp.extraction.extractor import Extractor
from uniner_mcp.schema import DomainList, Extraction, ExtractionRequest, Overlap
from uniner_mcp.server.card import CARD
from uniner_mcp.server.consent import Consent, Consents, can_ask
from uniner_mcp.server.results import fitted, result
from uniner_mcp.server.waiting import Places


def _field(name: str) -> Any:
    """The description of an argument in the schema."""
    return Field(description=ExtractionRequest.model_fields[name].description)


@dataclass(frozen=True, slots=True)
class _Asked:
    """The arguments of a call."""

    text: str
    entity_types: Sequence[str] | None
    domain: str | None
    definitions: Mapping[str, str] | None
    min_confidence: float
    overlap: str
    limit: int | None


def add_tools(
    server: MCPServer[object], extractor: Extractor, domains: DomainList, places: Places, max_result_chars: int
) -> None:
    """Add `extract_entities`, each call of which takes one of `places`, and `list_domains`."""
    consents = Consents()

    async def run(asked: _Asked, ctx: Context[object], consent: bool | None, before: int = 0) -> Extraction:
        """Extract. `before` is the share of the progress that an earlier run of the same call reported."""

        async def report(done: int, total: int) -> None:
            await ctx.report_progress(before * total + done, total, f"Read passage {done} of {total}")

        with places.place():
            return await extractor.extract(
                asked.text,
                asked.entity_types,
                asked.domain,
                asked.definitions,
                min_confidence=asked.min_confidence,
                overlap=asked.overlap,
                limit=asked.limit,
                on_progress=report,
                consent=consent,
            )

    async def first(
        ctx: Context[object],
        text: str,
        entity_types: list[str] | None,
        domain: str | None,
        definitions: dict[str, str] | None,
        min_confidence: float,
        overlap: str,
        limit: int | None,
    ) -> Extraction | ExtractionError:
        """The result without asking the user, who may have answered earlier on this connection."""
        asked = _Asked(text, entity_types, domain, definitions, min_confidence, overlap, limit)
        try:
            return await run(asked, ctx, consents.recall(ctx))
        except ExtractionError as error:
            return error
        except UninerError as error:
            raise ToolError(str(error)) from None

    async def consent(
        text: str, first: Annotated[Extraction | ExtractionError, Resolve(first)], ctx: Context[object]
    ) -> Elicit[Consent] | None:
        """Ask the user once per connection, and only if it makes a difference."""
        teacher = extractor.info().teacher
        if teacher is None or not wants_consent(first) or consents.recall(ctx) is not None or not can_ask(ctx):
            return None
        return Elicit(consent_question(len(text), teacher), Consent)

    @server.tool(
        title="Extract entities of any type",
        description=cleandoc(ExtractionRequest.__doc__ or ""),
        annotations=ToolAnnotations(
            title="Extract entities of any type",
            read_only_hint=True,
            destructive_hint=False,
            idempotent_hint=True,
            open_world_hint=extractor.info().leaves_machine,
        ),
        meta={"ui": {"resourceUri": CARD}},
        structured_output=True,
    )
    async def extract_entities(  # pyright: ignore[reportUnusedFunction]
        text: Annotated[str, _field("text")],
        ctx: Context[object],
        first: Annotated[Extraction | ExtractionError, Resolve(first)],
        consent: Annotated[ElicitationResult[Consent], Resolve(consent)],
        entity_types: Annotated[list[str] | None, _field("entity_types")] = None,
        domain: Annotated[str | None, _field("domain")] = None,
        definitions: Annotated[dict[str, str] | None, _field("definitions")] = None,
        min_confidence: Annotated[float, _field("min_confidence")] = 0.0,
        # A string, so that our own error lists the choices.
        overlap: Annotated[str, _field("overlap"), Field(json_schema_extra={"enum": list(get_args(Overlap))})] = "flat",
        limit: Annotated[int | None, _field("limit")] = None,
    ) -> Annotated[CallToolResult, Extraction]:
        outcome = first
        try:
            # An accepted None means that the user was not asked.
            if isinstance(consent, AcceptedElicitation) and consent.data is not None:  # pyright: ignore[reportUnnecessaryComparison]
                consents.note(ctx, consent.data.allow)
                if consent.data.allow:
                    asked = _Asked(text, entity_types, domain, definitions, min_confidence, overlap, limit)
                    outcome = await run(asked, ctx, True, before=1)
            elif consent.action == "decline":
                consents.note(ctx, False)
            if isinstance(outcome, ExtractionError):
                raise outcome
        except UninerError as error:
            raise ToolError(str(error)) from None
        return result(fitted(outcome, max_result_chars))

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
        """List the nine domains: what each is for, its entity types and, if it is known, the expected accuracy."""
        return result(domains)
