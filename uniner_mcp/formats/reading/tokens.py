"""Annotated passages as lists of tokens and tags in JSON Lines, like data sets on the Hugging Face Hub."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import orjson

from uniner_mcp.formats.documents import Document
from uniner_mcp.formats.reading.conll import example_of_tags

TAGS = ("ner_tags", "tags")


def is_tokens(row: object) -> bool:
    """Whether a row of JSON Lines has this format."""
    return isinstance(row, dict) and "tokens" in row and any(name in row for name in TAGS)


def read_tokens(path: Path, names: Sequence[str]) -> Iterator[Document]:
    """Read rows `{"tokens": […], "ner_tags" or "tags": […]}`; numeric tags are indices into `names`.

    Tags are written as in CoNLL files. Raises ValueError, with file and line, if a row has another format.
    """
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                row = orjson.loads(line)
                tags = next(row[name] for name in TAGS if name in row)
                tags = [names[tag] if isinstance(tag, int) else str(tag) for tag in tags]
                yield example_of_tags(str(number - 1), list(zip(row["tokens"], tags, strict=True)))
            except IndexError:
                raise ValueError(
                    f'{path}, line {number}: a tag without a name: list the names as `"tags"` in card.json.'
                ) from None
            except (orjson.JSONDecodeError, KeyError, StopIteration, TypeError, ValueError):
                raise ValueError(f"{path}, line {number}: expected as many tags as tokens.") from None
