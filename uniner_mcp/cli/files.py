"""The options of commands that read annotated files."""

from __future__ import annotations

from typing import Annotated

import typer

from uniner_mcp.errors import RequestError
from uniner_mcp.formats.reading.options import OffsetUnit, Options

TokenColumn = Annotated[int | None, typer.Option(help="Column of the tokens in files of columns, from 1.", min=1)]
TagColumn = Annotated[
    str | None, typer.Option(help="Column of the tags, from 1; several, such as 3,4, for nested layers.")
]
Offsets = Annotated[
    OffsetUnit, typer.Option(help="What offsets in files count: code points, or UTF-16 units as in JavaScript.")
]
Annotator = Annotated[str | None, typer.Option(help="Whose annotation to use where several people annotated a text.")]


def reading_options(
    token_column: int | None, tag_column: str | None, offsets: OffsetUnit, annotator: str | None
) -> Options:
    """Return the options as they were given. Raises RequestError if `tag_column` is not `3` or `3,4`."""
    return Options(token_column=token_column, tag_column=_columns(tag_column), offsets=offsets, annotator=annotator)


def _columns(written: str | None) -> tuple[int, ...]:
    try:
        columns = tuple(int(number) for number in (written or "").split(",") if number.strip())
    except ValueError:
        columns = (0,)
    if any(column < 1 for column in columns):
        raise RequestError("--tag-column must be the number of a column from 1, or several such as 3,4.")
    return columns
