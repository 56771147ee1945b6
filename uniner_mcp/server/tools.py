"""The tools."""

# No `from __future__ import annotations`: annotations name resolvers that are closures.

from inspect import cleandoc
from typing import Annotated

from mcp.server.mcpserver import AcceptedElicitation, Context, Elicit, ElicitationResult, Resolve
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.tools import Tool
from mcp.types import CallToolResult, ToolAnnotations

from uniner_mcp.errors import ExtractionError, UninerError
from uniner_mcp.extraction.consent import consent_question, wants_consent
from uniner_mcp.extraction.extractor import Extractor
from uniner_mcp.extraction.views import as_data, view
from uniner_mcp.requests import ExtractionRequest
from uniner_mcp.schema import DomainList, Extraction
from uniner_mcp.server.card import CARD
from uniner_mcp.server.consent import Consent, Consents, can_ask
from uniner_mcp.server.results import result
from uniner_mcp.server.waiting import Places

REQUESTS = {"extract_entities": ExtractionRequest}
"""The models that read the arguments of tools. A tool gets them as its argument `request`."""


def extract_entities_tool(extractor: Extractor, places: Places, max_result_chars: int) -> Tool:
    """Return `extract_entities`, each call of which takes one of `places`."""
    consents = Consents()

    async def run(
        request: ExtractionRequest, ctx: Context[object], consent: bool | None, before: int = 0
    ) -> Extraction:
        """Extract. `before` is the share of the progress that an earlier run of the same call reported."""

        async def report(done: int, total: int) -> None:
            await ctx.report_progress(before * total + done, total, f"Read passage {done} of {total}")

        with places.place():
            return await extractor.extract(request.text, **request.asked(), on_progress=report, consent=consent)

    async def first(request: ExtractionRequest, ctx: Context[object]) -> Extraction | ExtractionError:
        """The result without asking the user, who may have answered earlier on this connection."""
        try:
            return await run(request, ctx, consents.recall(ctx))
        except ExtractionError as error:
            return error
        except UninerError as error:
            raise ToolError(str(error)) from None

    async def consent(
        request: ExtractionRequest,
        first: Annotated[Extraction | ExtractionError, Resolve(first)],
        ctx: Context[object],
    ) -> Elicit[Consent] | None:
        """Ask the user once per connection, and only if it makes a difference."""
        teacher = extractor.info().teacher
        if teacher is None or not wants_consent(first) or consents.recall(ctx) is not None or not can_ask(ctx):
            return None
        return Elicit(consent_question(len(request.text), teacher), Consent)

    async def extract_entities(
        request: ExtractionRequest,
        ctx: Context[object],
        first: Annotated[Extraction | ExtractionError, Resolve(first)],
        consent: Annotated[ElicitationResult[Consent], Resolve(consent)],
    ) -> Annotated[CallToolResult, Extraction]:
        outcome = first
        try:
            # An accepted None means that the user was not asked.
            if isinstance(consent, AcceptedElicitation) and consent.data is not None:  # pyright: ignore[reportUnnecessaryComparison]
                consents.note(ctx, consent.data.allow)
                if consent.data.allow:
                    outcome = await run(request, ctx, True, before=1)
            elif consent.action == "decline":
                consents.note(ctx, False)
            if isinstance(outcome, ExtractionError):
                raise outcome
            noted = outcome.model_copy(update={"warnings": [*request.notes, *outcome.warnings]})
            return result(as_data(view(noted, request.result, request.limit, max_result_chars)))
        except UninerError as error:
            raise ToolError(str(error)) from None

    tool = Tool.from_function(
        extract_entities,
        title="Extract entities of any type",
        description=cleandoc(ExtractionRequest.__doc__ or ""),
        annotations=_reading("Extract entities of any type", open_world=extractor.info().leaves_machine),
        meta={"ui": {"resourceUri": CARD}},
        structured_output=True,
    )
    return tool.model_copy(update={"parameters": ExtractionRequest.model_json_schema()})


def list_domains_tool(domains: DomainList) -> Tool:
    """Return `list_domains`."""

    def list_domains() -> Annotated[CallToolResult, DomainList]:
        """List the nine domains: what each is for, its entity types and, if it is known, the expected accuracy."""
        return result(domains.model_dump(mode="json", exclude_none=True))

    return Tool.from_function(
        list_domains,
        title="List domains",
        annotations=_reading("List domains", open_world=False),
        structured_output=True,
    )


def _reading(title: str, *, open_world: bool) -> ToolAnnotations:
    return ToolAnnotations(
        title=title, read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=open_world
    )
