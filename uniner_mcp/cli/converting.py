"""`uniner-mcp convert`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from uniner_mcp.cli.reporting import reported


def convert(
    source: Annotated[Path, typer.Argument(metavar="IN", help="A file, a folder in brat's format, or a set of them.")],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="The file or folder to write; it must not exist.")],
    to: Annotated[
        str,
        typer.Option(
            help="Format of OUT: jsonl, csv, brat, conll, label-studio, label-studio-predictions, doccano, prodigy, "
            "spacy or bioc."
        ),
    ],
    source_format: Annotated[
        str | None, typer.Option("--from", help="Format of IN; without it, the format is recognised.")
    ] = None,
    offsets: Annotated[
        str, typer.Option(help="What the offsets of IN count: code-points (Python), or utf-16 (JavaScript, Java).")
    ] = "code-points",
    annotator: Annotated[
        str | None, typer.Option(help="Whose annotation to take from IN if several people annotated it.")
    ] = None,
) -> None:
    """Convert annotated files from one format into another; what the new format cannot hold is listed."""
    from uniner_mcp.errors import RequestError
    from uniner_mcp.formats import converting
    from uniner_mcp.formats.reading.options import Options
    from uniner_mcp.formats.writing.choice import find_format
    from uniner_mcp.show import show_losses

    with reported():
        if offsets not in ("code-points", "utf-16"):
            raise RequestError("--offsets is code-points or utf-16.")
        options = Options(offsets=offsets, annotator=annotator)
        for done in converting.convert(source, target, find_format(to), options, source_format):
            typer.echo(f"{done.target}: {done.documents} documents, {done.mentions} mentions from {done.source}")
            show_losses(to, done.losses)
