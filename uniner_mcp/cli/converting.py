"""`uniner-mcp convert`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from uniner_mcp.cli.files import Annotator, Offsets, TagColumn, TokenColumn, reading_options
from uniner_mcp.cli.reporting import reported


def convert(
    source: Annotated[
        Path, typer.Argument(metavar="IN", help="A file, a folder in brat's format, or a folder with several of them.")
    ],
    target: Annotated[
        Path, typer.Argument(metavar="OUT", help="The file to write, or the folder for brat or for several files.")
    ],
    to: Annotated[
        str,
        typer.Option(
            help="Format of OUT: jsonl, csv, brat, conll, label-studio, label-studio-predictions, doccano, prodigy, "
            "spacy or bioc."
        ),
    ],
    source_format: Annotated[
        str | None, typer.Option("--from", help="Format that IN must have; without it, any known format is read.")
    ] = None,
    token_column: TokenColumn = None,
    tag_column: TagColumn = None,
    offsets: Offsets = "code-points",
    annotator: Annotator = None,
) -> None:
    """Convert annotated files from one format into another, and list what the new format cannot hold."""
    from uniner_mcp.evaluate.loading import set_options
    from uniner_mcp.formats import converting
    from uniner_mcp.formats.writing.choice import find_format
    from uniner_mcp.show import show_losses

    with reported():
        form = find_format(to)
        given = reading_options(token_column, tag_column, offsets, annotator)
        options = set_options(source if source.is_dir() else source.parent, given)
        for done in converting.convert(source, target, form, options, source_format):
            typer.echo(f"{done.target}: {done.documents} documents, {done.mentions} mentions")
            show_losses(to, done.losses)
