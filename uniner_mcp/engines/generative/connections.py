"""Connections to OpenAI-compatible servers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from uniner_mcp.engines.generative.addresses import leaves_machine

if TYPE_CHECKING:
    from openai import AsyncOpenAI, OpenAI

NO_KEY = "none"
"""What servers without keys are sent: the client wants some."""


def open_client(address: str, key: str | None) -> AsyncOpenAI:
    """A client without retries and time-outs of its own. No proxy stands between us and this machine."""
    from openai import AsyncOpenAI, DefaultAsyncHttpxClient

    http = DefaultAsyncHttpxClient(trust_env=leaves_machine(address))
    client = AsyncOpenAI(base_url=address, api_key=key or NO_KEY, max_retries=0, timeout=None, http_client=http)
    keep_to_ours(client)
    return client


def keep_to_ours(client: AsyncOpenAI | OpenAI) -> None:
    """Take out the headers that `openai` reads from OPENAI_* variables: they are of another service, or secret."""
    client.organization = client.project = None
    client._custom_headers = {}  # pyright: ignore[reportPrivateUsage]
