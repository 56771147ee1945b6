"""Our server on a real socket, in this process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import anyio
import httpx2
from processes import free_port

from uniner_mcp import Extractor, Settings
from uniner_mcp.domains import domain_list
from uniner_mcp.engines.base import Engine
from uniner_mcp.server.app import build_server
from uniner_mcp.server.http import Listening, run_http
from uniner_mcp.server.stopping import Stop


@dataclass
class Served:
    """A server that answers."""

    port: int
    stop: Stop
    ended: anyio.Event

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/mcp"

    def at(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"


@asynccontextmanager
async def serving(
    engine: Engine, host: str = "127.0.0.1", port: int | None = None, **given: object
) -> AsyncIterator[Served]:
    settings = Settings(**given)  # type: ignore[arg-type]
    extractor = Extractor(engine, settings)
    served = Served(port or free_port(), Stop(settings.drain_timeout_s), anyio.Event())

    async def run() -> None:
        await run_http(
            build_server(extractor, domain_list(), settings),
            extractor,
            Listening(host, served.port, settings.allowed_hosts),
            served.stop,
            max_text_chars=settings.max_text_chars,
            drain_timeout_s=settings.drain_timeout_s,
            stateless=settings.stateless,
        )
        served.ended.set()

    async with anyio.create_task_group() as group:
        group.start_soon(run)
        async with httpx2.AsyncClient() as client:
            while True:
                try:
                    await client.get(f"http://{host}:{served.port}/health")
                    break
                except httpx2.TransportError:
                    await anyio.sleep(0.01)
        try:
            yield served
        finally:
            served.stop.ask()
            served.stop.ask()
