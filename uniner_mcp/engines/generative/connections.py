"""Connections to OpenAI-compatible servers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from uniner_mcp.engines.generative.addresses import leaves_machine

if TYPE_CHECKING:
    from openai import AsyncOpenAI, OpenAI

NO_KEY = "none"
"""Key that is sent to servers without keys: the client requires one."""


def open_client(address: str, key: str | None) -> AsyncOpenAI:
    """Return a client without retries and timeouts of its own. Proxies are not used for this machine."""
    from openai import AsyncOpenAI, DefaultAsyncHttpxClient

    http = DefaultAsyncHttpxClient(trust_env=leaves_machine(address))
    client = AsyncOpenAI(base_url=address, api_key=key or NO_KEY, max_retries=0, timeout=None, http_client=http)
    drop_environment_headers(client)
    return client


def drop_environment_headers(client: AsyncOpenAI | OpenAI) -> None:
    """Remove the headers that `openai` reads from OPENAI_* variables: they belong to another service, or are secret."""
    client.organization = client.project = None
    client._custom_headers = {}  # pyright: ignore[reportPrivateUsage]
