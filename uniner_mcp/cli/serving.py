"""`uniner-mcp serve` and `playground`."""

from __future__ import annotations

import asyncio
import os
import sys
import webbrowser
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from uniner_mcp.cli.options import AskingOptions, with_settings
from uniner_mcp.errors import RequestError
from uniner_mcp.settings import Settings

if TYPE_CHECKING:
    from uniner_mcp.extraction.extractor import Extractor
    from uniner_mcp.server.app import UninerServer
    from uniner_mcp.server.http import Listening
    from uniner_mcp.server.stopping import Stop

_REQUEST_TIMEOUT_S = 300
"""Timeout of a request if none is set: no client waits longer, and none occupies the engine for ever."""


_HTTP_OPTIONS = {
    "host": "--host",
    "port": "--port",
    "allowed_hosts": "--allowed-host",
    "stateless": "--stateless",
}


class Transport(StrEnum):
    """How clients reach the server."""

    STDIO = "stdio"
    HTTP = "http"


class PortOption(AskingOptions):
    """Where the playground is."""

    port: Annotated[int | None, typer.Option(help="Port to listen on; default: 8000.", min=1, max=65535)]


class ServeOptions(PortOption):
    """Where the server is."""

    transport: Annotated[
        Transport | None,
        typer.Option(help="stdio for a client that starts the server itself (the default), http for all others."),
    ]
    host: Annotated[str | None, typer.Option(help="Address to listen on (http); default: 127.0.0.1.")]
    allowed_hosts: Annotated[
        list[str] | None,
        typer.Option(
            "--allowed-host",
            help="Host name by which clients reach the server, besides loopback names (http); repeatable.",
        ),
    ]
    files: Annotated[
        list[Path] | None,
        typer.Option("--files", help="Folder whose files clients may have read (tool extract_from_file); repeatable."),
    ]
    stateless: Annotated[
        bool | None,
        typer.Option("--stateless", help="Keep no sessions, so that clients go on after a restart (http)."),
    ]


@with_settings(ServeOptions)
def serve(context: typer.Context, *, settings: Settings) -> None:
    """Run the MCP server with the tools extract_entities, list_domains and, with --files, extract_from_file."""
    if settings.transport == "stdio":
        given = [option for name, option in _HTTP_OPTIONS.items() if context.params.get(name)]
        if given:
            raise RequestError(f"{given[0]} needs --transport http.")
        asyncio.run(_serve(settings, None))
    else:
        from uniner_mcp.server.addresses import check_names
        from uniner_mcp.server.http import Listening

        check_names(settings.allowed_hosts)
        asyncio.run(_serve(settings, Listening(settings.host, settings.port, settings.allowed_hosts)))


@with_settings(PortOption)
def playground(
    browser: Annotated[bool, typer.Option(help="Open the page in the browser.")] = True,
    *,
    settings: Settings,
) -> None:
    """Try texts, types and domains on a local web page, which talks to the MCP server."""
    from uniner_mcp.server.http import Listening

    asyncio.run(_serve(settings, Listening("127.0.0.1", settings.port, playground=True), browser=browser))


async def _serve(settings: Settings, where: Listening | None, *, browser: bool = False) -> None:
    """Serve over HTTP, or over stdio if `where` is None, until a signal or the end of the input."""
    from uniner_mcp.engines.opening import describe_choice, describe_fallback, expected_accuracy
    from uniner_mcp.extraction.extractor import Extractor
    from uniner_mcp.server.app import build_server
    from uniner_mcp.server.logs import log_to_stderr
    from uniner_mcp.server.stopping import Stop

    log_to_stderr()
    stop = Stop(settings.drain_timeout_s)
    timeout_s = settings.request_timeout_s or _REQUEST_TIMEOUT_S
    settings = settings.model_copy(update={"request_timeout_s": timeout_s})
    # Opening may wait for a server, and must be interruptible as usual; closing must not be interrupted.
    opened = Extractor.open(settings)
    with stop.on_signals():
        async with opened as extractor:
            info = extractor.info()
            _say(f"engine: {describe_choice(settings, info.model)}")
            if info.teacher is not None:
                _say(f"fallback: {describe_fallback(settings)}")
            for folder in settings.files:
                _say(f"files: clients may have those below {folder} read")
            server = build_server(extractor, expected_accuracy(settings, info.model), settings)
            if where is None:
                await server.run_stdio(stop)
            else:
                await _serve_http(server, extractor, settings, where, stop, browser=browser)


async def _serve_http(
    server: UninerServer, extractor: Extractor, settings: Settings, where: Listening, stop: Stop, *, browser: bool
) -> None:
    from uniner_mcp.server.addresses import check_address, is_everywhere, is_loopback
    from uniner_mcp.server.http import ENDPOINT, run_http

    check_address(where.host, where.port)
    _say(f"listening on {where.url}{ENDPOINT}")
    if not is_loopback(where.host):
        _say("anyone who can reach this port can use the server; put it behind an authenticating proxy")
    if is_everywhere(where.host) and not where.allowed_hosts:
        _say(
            "requests must name a loopback host, which keeps web pages out but not the network; "
            "allow other names with --allowed-host NAME"
        )
    if where.playground:
        _say(f"playground at {where.url}/ (Ctrl+C to stop)")
    if browser:
        asyncio.get_running_loop().call_later(0.5, webbrowser.open, f"{where.url}/")
    await run_http(
        server,
        extractor,
        where,
        stop,
        max_text_chars=settings.max_text_chars,
        drain_timeout_s=settings.drain_timeout_s,
        stateless=settings.stateless,
    )


def _say(line: str) -> None:
    """Print a line for the operator; stdout belongs to the protocol."""
    try:
        typer.echo(f"uniner-mcp: {line}", err=True)
    except OSError:
        # A host may close its end of stderr; clients are served all the same.
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
