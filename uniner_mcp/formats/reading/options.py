"""What a file does not say itself, and a person has to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

OffsetUnit = Literal["code-points", "utf-16"]
"""What offsets count: code points as in Python, or UTF-16 units as in JavaScript and Java."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to read a file where it can be read in several ways.

    tags: names of tags that are numbers. token_column, tag_column: columns of the tokens and of the tags, from 1, where
    several columns of tags are layers of one annotation. annotator: whose annotation to read if there are several.
    """

    tags: tuple[str, ...] = ()
    token_column: int | None = None
    tag_column: tuple[int, ...] = ()
    offsets: OffsetUnit = "code-points"
    annotator: str | None = None


DEFAULT = Options()
"""Nothing is said."""
