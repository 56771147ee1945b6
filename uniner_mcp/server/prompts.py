"""Prompts that a person picks in the client."""

from __future__ import annotations

from mcp.server import MCPServer

from uniner_mcp.domains import find_domain
from uniner_mcp.schema import DomainList
from uniner_mcp.shipped import load_prompt


def add_prompts(server: MCPServer[object], domains: DomainList) -> None:
    """Add `annotate`."""

    @server.prompt(title="Annotate a text")
    def annotate(text: str, domain: str = domains.domains[0].name) -> str:  # pyright: ignore[reportUnusedFunction]
        """Mark up the entities of a text."""
        return load_prompt("annotate").fill(domain=find_domain(domain).name, text=text)
