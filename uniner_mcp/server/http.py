"""Streamable HTTP: the address, the allowed host names, and a health check."""

from __future__ import annotations

import logging
import socket
from collections.abc import Sequence

from mcp.server import MCPServer
from mcp.server.transport_security import TransportSecuritySettings
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

import uniner_mcp
from uniner_mcp.errors import UninerError
from uniner_mcp.extraction.extractor import Extractor
from uniner_mcp.highlight import playground as playground_page

ENDPOINT = "/mcp"
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_BYTES_PER_CHARACTER = 6
"""JSON may escape a character as six bytes."""
_ENVELOPE = 1_000_000


def check_address(host: str, port: int) -> None:
    """Raise UninerError if the server cannot listen on `host:port`."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        raise UninerError(
            f"Cannot listen on {host}, port {port} ({error.strerror}): choose another address with --host and --port."
        ) from None


async def run_http(
    server: MCPServer[object],
    extractor: Extractor,
    host: str,
    port: int,
    allowed_hosts: Sequence[str],
    max_text_chars: int,
    playground: bool = False,
) -> None:
    """Serve on `http://host:port/mcp` until cancelled, with the playground at `/` if it is enabled.

    The Host header of a request must be a loopback name or one of `allowed_hosts`. This prevents web pages from
    reaching a local server by DNS rebinding.
    """

    @server.custom_route("/health", methods=["GET"])
    async def health(_: Request) -> Response:  # pyright: ignore[reportUnusedFunction]
        """Answer as soon as the server is up."""
        info = extractor.info()
        return JSONResponse({"status": "ok", "engine": info.name, "model": info.model})

    if playground:
        page = playground_page(ENDPOINT, uniner_mcp.__version__)

        @server.custom_route("/", methods=["GET"])
        async def show(_: Request) -> Response:  # pyright: ignore[reportUnusedFunction]
            return HTMLResponse(page)

    # At DEBUG it logs what is sent, which contains parts of the caller's text.
    logging.getLogger("sse_starlette.sse").setLevel(logging.INFO)
    names = [*_LOOPBACK, *allowed_hosts]
    await server.run_streamable_http_async(
        host=host,
        port=port,
        max_request_body_size=max_text_chars * _BYTES_PER_CHARACTER + _ENVELOPE,
        transport_security=TransportSecuritySettings(
            allowed_hosts=[form for name in names for form in (name, f"{name}:*")],
            allowed_origins=[
                f"{scheme}://{form}" for name in names for form in (name, f"{name}:*") for scheme in ("http", "https")
            ],
        ),
    )
