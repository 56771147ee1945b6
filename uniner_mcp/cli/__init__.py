"""The command line: `uniner-mcp extract | playground | serve | install | domains | doctor | evaluate | …`.

Exit codes: 0 success, 1 failure, 2 wrong usage.
"""

from __future__ import annotations

from typing import Annotated

import typer

import uniner_mcp
from uniner_mcp.cli.cache import cache_app
from uniner_mcp.cli.clients import install, uninstall
from uniner_mcp.cli.converting import convert
from uniner_mcp.cli.distill import distill_app
from uniner_mcp.cli.extracting import doctor, domains, extract
from uniner_mcp.cli.measuring import benchmark, evaluate
from uniner_mcp.cli.serving import playground, serve
from uniner_mcp.installation import DOCUMENTATION

_HELP = """Find any kind of entity in text.

Try it: uniner-mcp extract "Ada Lovelace met Tom in London." --types person,city

See it: uniner-mcp playground

Let your agent use it: uniner-mcp install claude-code
"""
_EPILOG = f"""Exit codes: 0 success; 1 failure; 2 an argument, a setting or an input is not valid.

Documentation: {DOCUMENTATION}
"""

app = typer.Typer(help=_HELP, epilog=_EPILOG, no_args_is_help=True, add_completion=True)
# In the order in which users need them.
for command in (extract, playground, install, uninstall, serve, domains, doctor):
    app.command()(command)
app.add_typer(cache_app, name="cache")
for command in (convert, evaluate, benchmark):
    app.command()(command)
app.add_typer(distill_app, name="distill")


@app.callback(invoke_without_command=True)
def _version(
    version: Annotated[bool, typer.Option("--version", help="Print the version.", is_eager=True)] = False,
) -> None:
    if version:
        typer.echo(f"uniner-mcp {uniner_mcp.__version__}")
        raise typer.Exit


def main() -> None:
    """Entry point of the `uniner-mcp` command."""
    app()
