"""`uniner-mcp evaluate` and `benchmark`."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from uniner_mcp.cli.files import Annotator, Offsets, TagColumn, TokenColumn, reading_options
from uniner_mcp.cli.options import with_settings
from uniner_mcp.settings import Settings


@with_settings()
def evaluate(
    data: Annotated[
        Path, typer.Option(help="Folder of annotated sets, one folder per set. Formats: see the documentation.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for predictions and report; run the same command again to resume.")],
    sets: Annotated[str | None, typer.Option(help="Comma-separated names of sets; default: all in the folder.")] = None,
    domain: Annotated[str | None, typer.Option(help="Measure only the sets of this domain.")] = None,
    split: Annotated[str, typer.Option(help="Split to score.")] = "test",
    limit: Annotated[int | None, typer.Option(help="Use only the first N passages of each set.", min=1)] = None,
    token_column: TokenColumn = None,
    tag_column: TagColumn = None,
    offsets: Offsets = "code-points",
    annotator: Annotator = None,
    *,
    settings: Settings,
) -> None:
    """Measure an engine on annotated sets: F1 as in the paper, with intervals, strict spans, and classes of errors."""
    from uniner_mcp.evaluate import command

    names = [name.strip() for name in (sets or "").split(",") if name.strip()]
    options = reading_options(token_column, tag_column, offsets, annotator)
    asyncio.run(command.evaluate(settings, data, names, split, limit, out, domain, options))
    typer.echo((out / "report.md").read_text(encoding="utf-8"))
    typer.echo(f"With bars and errors: {out / 'report.html'}", err=True)


def benchmark(
    data: Annotated[Path | None, typer.Option(help="Folder of annotated sets: show which rows are in it.")] = None,
) -> None:
    """List the 49 rows of the paper's benchmark: the published figures, and how to get each set."""
    from uniner_mcp.evaluate.benchmark import load_benchmark

    for row in load_benchmark().rows:
        status = row.status
        if data is not None and row.set is not None and (data / row.set).is_dir():
            status = "there"
        published = f"{row.f1['ChatGPT']:5.1f} {row.f1['UniNER-7B']:5.1f}"
        typer.echo(f"{row.domain:15} {row.name:20} {published}  {status:14} {row.set or '':20} {row.note}".rstrip())
