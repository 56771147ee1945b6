"""`uniner-mcp evaluate` and `benchmark`."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from uniner_mcp.cli.options import with_settings
from uniner_mcp.errors import RequestError
from uniner_mcp.formats.reading.options import OffsetUnit, Options
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
    token_column: Annotated[
        int | None, typer.Option(help="Column of the tokens in files of columns, from 1.", min=1)
    ] = None,
    tag_column: Annotated[
        str | None, typer.Option(help="Column of the tags, from 1; several, such as 3,4, for nested layers.")
    ] = None,
    offsets: Annotated[
        OffsetUnit, typer.Option(help="What offsets in files count: code points, or UTF-16 units as in JavaScript.")
    ] = "code-points",
    annotator: Annotated[
        str | None, typer.Option(help="Whose annotation to use where several people annotated a text.")
    ] = None,
    *,
    settings: Settings,
) -> None:
    """Measure an engine on annotated sets: F1 as in the paper, with intervals, strict spans, and classes of errors."""
    from uniner_mcp.evaluate import command

    names = [name.strip() for name in (sets or "").split(",") if name.strip()]
    options = Options(token_column=token_column, tag_column=_columns(tag_column), offsets=offsets, annotator=annotator)
    asyncio.run(command.evaluate(settings, data, names, split, limit, out, domain, options))
    typer.echo((out / "report.md").read_text(encoding="utf-8"))
    typer.echo(f"With bars and errors: {out / 'report.html'}", err=True)


def _columns(written: str | None) -> tuple[int, ...]:
    """Read `3` or `3,4`. Raises RequestError."""
    try:
        columns = tuple(int(number) for number in (written or "").split(",") if number.strip())
    except ValueError:
        columns = (0,)
    if any(column < 1 for column in columns):
        raise RequestError("--tag-column must be the number of a column from 1, or several such as 3,4.")
    return columns


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
