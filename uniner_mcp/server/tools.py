"""The tools."""

# No `from __future__ import annotations`: annotations name resolvers that are closures.

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from inspect import cleandoc
from typing import Annotated, Any

from mcp.server.mcpserver import AcceptedElicitation, Context, Elicit, ElicitationResult, Resolve
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.tools import Tool
from mcp.types import CallToolResult, ToolAnnotations

from uniner_mcp.errors import ExtractionError, UninerError
from uniner_mcp.extraction.consent import consent_question, wants_consent
from uniner_mcp.extraction.extractor import Extractor
from uniner_mcp.extraction.located import located
from uniner_mcp.extraction.views import as_data, view
from uniner_mcp.requests import ExtractionOptions, ExtractionRequest, FileRequest
from uniner_mcp.schema import DomainList, Extraction, FileExtraction
from uniner_mcp.server.card import CARD
from uniner_mcp.server.consent import Consent, Consents, can_ask
from uniner_mcp.server.files import Files, uri_of
from uniner_mcp.server.results import result
from uniner_mcp.server.waiting import Places

REQUESTS: dict[str, type[ExtractionOptions]] = {
    "extract_entities": ExtractionRequest,
    "extract_from_file": FileRequest,
}
"""The models that read the arguments of tools. A tool gets them as its argument `request`."""


@dataclass(frozen=True, slots=True)
class Source:
    """A text to read; `placed` adds to an extraction from it where the entities are."""

    text: str
    placed: Callable[[Extraction], Extraction]


Reader = Callable[[Any, Context[object]], Awaitable[Source]]
"""Returns the text that a request is about. Raises RequestError."""


@dataclass(frozen=True, slots=True)
class Answering:
    """What the tools answer with. Each call takes one of `places`."""

    extractor: Extractor
    places: Places
    consents: Consents = field(default_factory=Consents)


def extract_entities_tool(answering: Answering, max_result_chars: int) -> Tool:
    """Return `extract_entities`."""

    async def read(request: ExtractionRequest, _: Context[object]) -> Source:
        return Source(request.text, lambda extraction: extraction)

    title = "Extract entities of any type"
    tool = _extracting_tool("extract_entities", title, answering, read, Extraction, max_result_chars)
    return tool.model_copy(update={"meta": {"ui": {"resourceUri": CARD}}})


def extract_from_file_tool(answering: Answering, max_result_chars: int, files: Files) -> Tool:
    """Return `extract_from_file`."""

    async def read(request: FileRequest, ctx: Context[object]) -> Source:
        async def report(done: int, total: int) -> None:
            # Together less than one step, because the passages follow.
            await ctx.report_progress(done / (total + 1), None, f"Read file {done} of {total}")

        joined = await files.read(request.path, report)
        return Source(joined.text, lambda extraction: located(extraction, joined, uri_of(request.path)))

    title = "Extract entities from a file"
    return _extracting_tool("extract_from_file", title, answering, read, FileExtraction, max_result_chars)


def _extracting_tool(
    name: str, title: str, answering: Answering, read: Reader, reported: type[Extraction], max_result_chars: int
) -> Tool:
    """Return a tool that extracts from the texts that `read` returns."""
    extractor, consents = answering.extractor, answering.consents

    async def source(request: ExtractionOptions, ctx: Context[object]) -> Source:
        try:
            return await read(request, ctx)
        except UninerError as error:
            raise ToolError(str(error)) from None

    async def run(
        request: ExtractionOptions, source: Source, ctx: Context[object], consent: bool | None, before: int = 0
    ) -> Extraction:
        """Extract. `before` is the share of the progress that an earlier run of the same call reported."""

        async def report(done: int, total: int) -> None:
            await ctx.report_progress(before * total + done, total, f"Read passage {done} of {total}")

        with answering.places.place():
            return await extractor.extract(source.text, **request.asked(), on_progress=report, consent=consent)

    async def first(
        request: ExtractionOptions, source: Annotated[Source, Resolve(source)], ctx: Context[object]
    ) -> Extraction | ExtractionError:
        """The result without asking the user, who may have answered earlier on this connection."""
        try:
            return await run(request, source, ctx, consents.recall(ctx))
        except ExtractionError as error:
            return error
        except UninerError as error:
            raise ToolError(str(error)) from None

    async def consent(
        source: Annotated[Source, Resolve(source)],
        first: Annotated[Extraction | ExtractionError, Resolve(first)],
        ctx: Context[object],
    ) -> Elicit[Consent] | None:
        """Ask the user once per connection, and only if it makes a difference."""
        teacher = extractor.info().teacher
        if teacher is None or not wants_consent(first) or consents.recall(ctx) is not None or not can_ask(ctx):
            return None
        return Elicit(consent_question(len(source.text), teacher), Consent)

    async def extract(
        request: ExtractionOptions,
        ctx: Context[object],
        source: Annotated[Source, Resolve(source)],
        first: Annotated[Extraction | ExtractionError, Resolve(first)],
        consent: Annotated[ElicitationResult[Consent], Resolve(consent)],
    ) -> Annotated[CallToolResult, reported]:
        outcome = first
        try:
            # An accepted None means that the user was not asked.
            if isinstance(consent, AcceptedElicitation) and consent.data is not None:  # pyright: ignore[reportUnnecessaryComparison]
                consents.note(ctx, consent.data.allow)
                if consent.data.allow:
                    outcome = await run(request, source, ctx, True, before=1)
            elif consent.action == "decline":
                consents.note(ctx, False)
            if isinstance(outcome, ExtractionError):
                raise outcome
            placed = source.placed(outcome)
            noted = placed.model_copy(update={"warnings": [*request.notes, *placed.warnings]})
            return result(as_data(view(noted, request.result, request.limit, max_result_chars)))
        except UninerError as error:
            raise ToolError(str(error)) from None

    model = REQUESTS[name]
    tool = Tool.from_function(
        extract,
        name=name,
        title=title,
        description=cleandoc(model.__doc__ or ""),
        annotations=_reading(title, open_world=extractor.info().leaves_machine),
        structured_output=True,
    )
    return tool.model_copy(update={"parameters": model.model_json_schema()})


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
