"""Streamable HTTP: the endpoint, `/health`, `/ready`, the playground, and the server that runs them."""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import anyio
import uvicorn
from mcp.server import MCPServer
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

import uniner_mcp
from uniner_mcp.extraction.extractor import Extractor
from uniner_mcp.highlight import playground as playground_page
from uniner_mcp.server.addresses import allowed, allowed_origins, is_everywhere, url_host
from uniner_mcp.server.connections import KEEP_ALIVE_S, BoundedProtocol
from uniner_mcp.server.exchanges import Exchanges
from uniner_mcp.server.readiness import Readiness
from uniner_mcp.server.refusals import Refusals
from uniner_mcp.server.stopping import Stop

ENDPOINT = "/mcp"
_BYTES_PER_CHARACTER = 6
"""JSON may escape a character as six bytes."""
_ENVELOPE = 1_000_000
_SPARE_S = 5
"""Seconds after the drain timeout at which uvicorn cancels exchanges that are still open."""


@dataclass(frozen=True)
class Listening:
    """Where the server listens, by which names it may be reached, and whether it shows the playground at `/`."""

    host: str
    port: int
    allowed_hosts: Sequence[str] = ()
    playground: bool = False

    @property
    def url(self) -> str:
        """The URL to print, without a path: requests that name 0.0.0.0 are refused."""
        host = next(iter(self.allowed_hosts), "127.0.0.1") if is_everywhere(self.host) else self.host
        return f"http://{url_host(host)}:{self.port}"


async def run_http(
    server: MCPServer[object],
    extractor: Extractor,
    where: Listening,
    stop: Stop,
    *,
    max_text_chars: int,
    drain_timeout_s: float,
    stateless: bool = False,
) -> None:
    """Serve on `http://host:port/mcp` until it is to stop and the running requests are answered.

    The Host header of a request must be a loopback name, `where.host`, or one of `where.allowed_hosts`. This prevents
    web pages from reaching a local server by DNS rebinding. Pages of the same hosts may use the server (CORS).

    stateless: keep no sessions, so that clients with one from before a restart, or of another process, are served.
    """
    _add_checks(server, extractor)
    if where.playground:
        page = playground_page(ENDPOINT, uniner_mcp.__version__)

        @server.custom_route("/", methods=["GET"])
        async def show(_: Request) -> Response:  # pyright: ignore[reportUnusedFunction]
            return HTMLResponse(page)

    endpoint = server.streamable_http_app(
        streamable_http_path=ENDPOINT,
        stateless_http=stateless,
        host=where.host,
        max_request_body_size=max_text_chars * _BYTES_PER_CHARACTER + _ENVELOPE,
        transport_security=allowed(where.host, where.allowed_hosts),
    )
    exchanges = Exchanges(Refusals(endpoint), stateless=stateless)
    app = CORSMiddleware(
        exchanges,
        allow_origin_regex=allowed_origins(where.host, where.allowed_hosts),
        allow_methods=["GET", "POST", "DELETE"],
        allow_headers=["*"],
        expose_headers=["Mcp-Session-Id"],
    )
    running = _Uvicorn(
        uvicorn.Config(
            app,
            host=where.host,
            port=where.port,
            http=BoundedProtocol,
            ws="none",
            log_config=None,
            access_log=False,
            backlog=BoundedProtocol.bounds.accepted,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=math.ceil(drain_timeout_s) + _SPARE_S,
        )
    )

    async def end() -> None:
        await stop.asked.wait()
        running.should_exit = True
        await exchanges.end_with(stop)

    async with anyio.create_task_group() as group:
        group.start_soon(end)
        await running.serve()
        group.cancel_scope.cancel()


def _add_checks(server: MCPServer[object], extractor: Extractor) -> None:
    readiness = Readiness(extractor)

    @server.custom_route("/health", methods=["GET"])
    async def health(_: Request) -> Response:  # pyright: ignore[reportUnusedFunction]
        """Answer as soon as the server is up."""
        info = extractor.info()
        return JSONResponse({"status": "ok", "engine": info.name, "model": info.model})

    @server.custom_route("/ready", methods=["GET"])
    async def ready(_: Request) -> Response:  # pyright: ignore[reportUnusedFunction]
        """Answer 200 if the engine can answer, otherwise 503 and why not."""
        reason = await readiness.reason()
        if reason is None:
            return JSONResponse({"status": "ready"})
        return JSONResponse({"status": "not ready", "reason": reason}, 503)


class _Uvicorn(uvicorn.Server):
    """uvicorn, without its own handling of signals, which ends the process before the extractor is closed."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Leave the signals alone."""
        yield
