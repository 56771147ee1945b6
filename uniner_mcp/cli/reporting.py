"""How the command line reports errors."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import typer

from uniner_mcp.errors import RequestError, SettingsError, UninerError

FAILED = 1
WRONG_USAGE = 2


@contextmanager
def reported() -> Generator[None]:
    """Print an expected error as one line on stderr and exit: with 2 if the request or a setting is wrong, else 1."""
    try:
        yield
    except UninerError as error:
        typer.secho(f"uniner-mcp: {error}", err=True, fg="red")
        raise typer.Exit(WRONG_USAGE if isinstance(error, RequestError | SettingsError) else FAILED) from None
    except OSError as error:
        # A file or folder that a command reads or writes.
        typer.secho(f"uniner-mcp: {error.filename or 'System error'}: {error.strerror}.", err=True, fg="red")
        raise typer.Exit(FAILED) from None
