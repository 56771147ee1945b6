"""`uniner-mcp serve` and `playground`."""

from __future__ import annotations

import asyncio
import logging
import sys
import webbrowser
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

import typer

from uniner_mcp.cli.options import AskingOptions, with_settings
from uniner_mcp.errors import RequestError
from uniner_mcp.settings import Settings


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


@with_settings(ServeOptions)
def serve(context: typer.Context, *, settings: Settings) -> None:
    """Run the MCP server with the tools extract_entities and list_domains."""
    if settings.transport == "stdio":
        given = [name for name in ("host", "port", "allowed_hosts") if context.params.get(name)]
        if given:
            raise RequestError(f"--{given[0].removesuffix('s').replace('_', '-')} needs --transport http.")
        asyncio.run(_serve(settings, None))
    else:
        asyncio.run(_serve(settings, Address(settings.host, settings.port, list(settings.allowed_hosts))))


@with_settings(PortOption)
def playground(
    browser: Annotated[bool, typer.Option(help="Open the page in the browser.")] = True,
    *,
    settings: Settings,
) -> None:
    """Try texts, types and domains on a local web page, which talks to the MCP server."""
    asyncio.run(_serve(settings, Address("127.0.0.1", settings.port, [], playground=True, browser=browser)))


@dataclass(frozen=True)
class Address:
    """Where the server listens, and whether it has a playground."""

    host: str
    port: int
    allowed_hosts: list[str]
    playground: bool = False
    browser: bool = False

    @property
    def everywhere(self) -> bool:
        """Whether it listens on every address of the machine."""
        return self.host in ("0.0.0.0", "::")

    @property
    def shown(self) -> str:
        """The host to print: requests that name 0.0.0.0 are refused."""
        host = next(iter(self.allowed_hosts), "127.0.0.1") if self.everywhere else self.host
        return f"[{host}]" if ":" in host else host


async def _serve(settings: Settings, address: Address | None) -> None:
    """Serve at an address, or over stdio if there is none."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    from uniner_mcp.engines.opening import describe_choice, describe_fallback, expected_accuracy
    from uniner_mcp.extraction.extractor import Extractor
    from uniner_mcp.server.app import build_server

    async with Extractor.open(settings) as extractor:
        info = extractor.info()
        _say(f"engine: {describe_choice(settings, info.model)}")
        if info.teacher is not None:
            _say(f"fallback: {describe_fallback(settings)}")
        server = build_server(extractor, expected_accuracy(settings, info.model))
        if address is None:
            await server.run_stdio_async()
            return
        from uniner_mcp.server.http import ENDPOINT, check_address, run_http

        check_address(address.host, address.port)
        url = f"http://{address.shown}:{address.port}"
        _say(f"listening on {url}{ENDPOINT}")
        if address.everywhere and not address.allowed_hosts:
            _say("only requests for loopback host names are accepted; allow others with --allowed-host NAME")
        if address.playground:
            _say(f"playground at {url}/ (Ctrl+C to stop)")
        if address.browser:
            asyncio.get_running_loop().call_later(0.5, webbrowser.open, f"{url}/")
        await run_http(
            server,
            extractor,
            address.host,
            address.port,
            address.allowed_hosts,
            settings.max_text_chars,
            playground=address.playground,
        )


def _say(line: str) -> None:
    """Print a line for the operator; stdout belongs to the protocol."""
    typer.echo(f"uniner-mcp: {line}", err=True)
