"""Prompts that users select in the client."""

from __future__ import annotations

from mcp import MCPError
from mcp.server import MCPServer
from mcp.types import INVALID_PARAMS

from uniner_mcp.domains import find_domain
from uniner_mcp.errors import RequestError
from uniner_mcp.schema import DomainList
from uniner_mcp.shipped import load_prompt


def add_prompts(server: MCPServer[object], domains: DomainList) -> None:
    """Add the prompt `annotate`."""

    @server.prompt(title="Annotate a text")
    def annotate(text: str, domain: str = domains.domains[0].name) -> str:  # pyright: ignore[reportUnusedFunction]
        """Mark the entities in a text."""
        try:
            name = find_domain(domain).name
        except RequestError as error:
            raise MCPError(INVALID_PARAMS, str(error)) from None
        return load_prompt("annotate").fill(domain=name, text=text)
