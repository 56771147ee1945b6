"""Prompts that a person picks in the client."""

from __future__ import annotations

from mcp.server import MCPServer

from uniner_mcp.domains import find_domain
from uniner_mcp.schema import DomainList


def add_prompts(server: MCPServer[object], domains: DomainList) -> None:
    """Add `annotate`."""

    @server.prompt(title="Annotate a text")
    def annotate(text: str, domain: str = domains.domains[0].name) -> str:  # pyright: ignore[reportUnusedFunction]
        """Mark up the entities of a text."""
        return (
            f"Call extract_entities on the text below with the domain {find_domain(domain).name!r}. Then show the text "
            "with each entity in bold, followed by its type in brackets, and list the entities by type. Say so if "
            f"anything was unanswered or truncated.\n\n{text}"
        )
