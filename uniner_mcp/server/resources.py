"""Resources: the domains and the engine."""

from __future__ import annotations

from dataclasses import asdict

import orjson
from mcp.server import MCPServer
from mcp.types import Completion, CompletionArgument, CompletionContext, PromptReference, ResourceTemplateReference

from uniner_mcp.domains import find_domain
from uniner_mcp.errors import RequestError
from uniner_mcp.extraction.extractor import Extractor
from uniner_mcp.schema import DomainList
from uniner_mcp.server.guard import no_resource


def add_resources(server: MCPServer[object], extractor: Extractor, domains: DomainList) -> None:
    """Add `uniner://domains/{name}` and `uniner://engine`, and completion of domain names."""
    by_name = {domain.name: domain for domain in domains.domains}

    @server.resource("uniner://domains/{name}", title="One domain", mime_type="application/json")
    def domain(name: str) -> str:  # pyright: ignore[reportUnusedFunction]
        """A domain: what it is for, its entity types and, if it is known, the expected accuracy."""
        try:
            return by_name[find_domain(name).name].model_dump_json(exclude_none=True)
        except RequestError:
            said = f"There is no such domain. The domains are: {', '.join(by_name)}."
            raise no_resource(said, f"uniner://domains/{name}") from None

    @server.resource("uniner://engine", title="The engine", mime_type="application/json")
    def engine() -> str:  # pyright: ignore[reportUnusedFunction]
        """The engine and model in use, and whether texts may leave this machine."""
        return orjson.dumps(asdict(extractor.info())).decode()

    @server.completion()
    async def complete(  # pyright: ignore[reportUnusedFunction]
        ref: PromptReference | ResourceTemplateReference,
        argument: CompletionArgument,
        context: CompletionContext | None,
    ) -> Completion | None:
        """Complete domain names."""
        if argument.name not in ("name", "domain"):
            return None
        return Completion(values=[name for name in by_name if name.startswith(argument.value.lower())])
