"""Prompts that users select in the client."""

from __future__ import annotations

from mcp.server import MCPServer

from uniner_mcp.domains import find_domain
from uniner_mcp.errors import RequestError
from uniner_mcp.schema import DomainList
from uniner_mcp.server.guard import invalid
from uniner_mcp.shipped import load_prompt

_USUAL = "general"
"""The domain of a user who names none, or leaves the field of a form blank."""


def add_prompts(server: MCPServer[object], domains: DomainList) -> None:
    """Add the prompt `annotate`."""

    @server.prompt(title="Annotate a text")
    def annotate(text: str, domain: str = _USUAL) -> str:  # pyright: ignore[reportUnusedFunction]
        """Mark the entities in a text."""
        try:
            name = find_domain(domain or _USUAL).name
        except RequestError:
            known = ", ".join(one.name for one in domains.domains)
            raise invalid(f"There is no such domain. The domains are: {known}.") from None
        return load_prompt("annotate").fill(domain=name, text=text)
