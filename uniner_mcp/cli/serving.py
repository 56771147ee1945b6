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

from uniner_mcp.cli.options import BaseUrl, Engine, Fallback, Model, NoCache, ProfileName, settings_of
from uniner_mcp.cli.reporting import reported
from uniner_mcp.settings import Settings


class Transport(StrEnum):
    """How clients reach the server."""

    STDIO = "stdio"
    HTTP = "http"


def serve(
    transport: Annotated[Transport, typer.Option(help="stdio for a local client, http for others.")] = Transport.STDIO,
    host: Annotated[str, typer.Option(help="Address to listen on (http).")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on (http).", min=1, max=65535)] = 8000,
    allowed_host: Annotated[
        list[str] | None, typer.Option(help="A host name under which clients reach the server (http); repeatable.")
    ] = None,
    engine: Engine = None,
    model: Model = None,
    base_url: BaseUrl = None,
    profile: ProfileName = None,
    fallback: Fallback = None,
    no_cache: NoCache = False,
) -> None:
    """Run the MCP server with its tools extract_entities and list_domains."""
    address = Address(host, port, allowed_host or []) if transport is Transport.HTTP else None
    with reported():
        asyncio.run(_serve(settings_of(engine, model, base_url, profile, fallback, no_cache), address))


def playground(
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)] = 8000,
    browser: Annotated[bool, typer.Option(help="Open the page in the browser.")] = True,
    engine: Engine = None,
    model: Model = None,
    base_url: BaseUrl = None,
    profile: ProfileName = None,
    fallback: Fallback = None,
    no_cache: NoCache = False,
) -> None:
    """Try texts, types and domains on a page of your own machine, through the MCP server."""
    address = Address("127.0.0.1", port, [], playground=True, browser=browser)
    with reported():
        asyncio.run(_serve(settings_of(engine, model, base_url, profile, fallback, no_cache), address))


@dataclass(frozen=True)
class Address:
    """Where the server listens, and whether it has a page to try it on."""

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
        """The host to call it by: 0.0.0.0 is none, and requests that name it are refused."""
        host = next(iter(self.allowed_hosts), "127.0.0.1") if self.everywhere else self.host
        return f"[{host}]" if ":" in host else host


async def _serve(settings: Settings, address: Address | None) -> None:
    """Serve at an address, or else over stdio."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    from uniner_mcp.engines.opening import describe_choice, describe_fallback, expected_accuracy
    from uniner_mcp.extraction.extractor import Extractor
    from uniner_mcp.server.app import build_server

    async with Extractor.open(settings) as extractor:
        info = extractor.info()
        typer.echo(f"uniner-mcp: {describe_choice(settings, info.model)}", err=True)
        if info.teacher is not None:
            typer.echo(f"uniner-mcp: fallback {describe_fallback(settings)}", err=True)
        server = build_server(extractor, expected_accuracy(settings, info.model))
        if address is None:
            await server.run_stdio_async()
            return
        from uniner_mcp.server.http import ENDPOINT, check_address, run_http

        check_address(address.host, address.port)
        url = f"http://{address.shown}:{address.port}"
        typer.echo(f"uniner-mcp: listening on {url}{ENDPOINT}", err=True)
        if address.everywhere and not address.allowed_hosts:
            typer.echo("uniner-mcp: only loopback names are answered: give --allowed-host NAME for others", err=True)
        if address.playground:
            typer.echo(f"uniner-mcp: playground on {url}/ (Ctrl+C ends it)", err=True)
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
