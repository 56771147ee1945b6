"""The text of a file, and where its lines and pages begin."""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import cached_property
from typing import NamedTuple

from pydantic import Field

from uniner_mcp.schema import Frozen


class Place(NamedTuple):
    """Where a character is, for people: both count from 1; `page` is None in a document without pages."""

    line: int
    page: int | None


class Document(Frozen):
    """The text of a file: offsets of entities count in `text`."""

    text: str = Field(description="The text that was read from the file.")
    pages: list[int] = Field(
        default_factory=list[int], description="Offset at which each page begins; empty if the format has no pages."
    )
    warnings: list[str] = Field(default_factory=list[str], description="What is in the file but not in `text`.")

    def place(self, offset: int) -> Place:
        """Return the line (as counted by line feeds) and the page of the character at `offset`."""
        line = bisect_right(self._lines, offset)
        return Place(line, bisect_right(self.pages, offset) or None)

    @cached_property
    def _lines(self) -> list[int]:
        return [0, *(feed.end() for feed in re.finditer("\n", self.text))]
