"""How the command line ends when something goes wrong."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import typer

from uniner_mcp.errors import UninerError


@contextmanager
def reported() -> Generator[None]:
    """Errors that were foreseen are a line on stderr and exit code 1."""
    try:
        yield
    except UninerError as error:
        typer.secho(f"uniner-mcp: {error}", err=True, fg="red")
        raise typer.Exit(1) from None
