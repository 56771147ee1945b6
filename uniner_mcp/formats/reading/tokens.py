"""Rows of tokens: the Hugging Face Hub's `tokens` and `ner_tags`, and GLiNER's `tokenized_text` and `ner`."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import orjson

from uniner_mcp.formats.documents import Document
from uniner_mcp.formats.reading.entities import Triple, named
from uniner_mcp.formats.reading.files import Misfit
from uniner_mcp.formats.reading.mentions import Mentions, joined_tokens
from uniner_mcp.formats.reading.options import Options
from uniner_mcp.formats.reading.rows import Row, Strict, fitted
from uniner_mcp.formats.reading.tags import is_tag, tagged_document

TAGS = ("ner_tags", "tags")
_INFO = ("dataset_info.json", "dataset_infos.json")


class _Tokens(Strict):
    id: int | str | None = None
    tokens: list[str]
    ner_tags: list[int] | list[str] | None = None
    tags: list[int] | list[str] | None = None


class _Gliner(Strict):
    tokenized_text: list[str]
    ner: list[Triple]


def read_tokens(row: Row, number: int, options: Options) -> Document:
    """Read tokens with their tags, which are written as in CoNLL files or are indices into `options.tags`.

    Raises Misfit.
    """
    read = fitted(_Tokens, row)
    tags = [_named(tag, options) for tag in read.ner_tags or read.tags or ()]
    if len(tags) != len(read.tokens):
        raise Misfit(f"expected as many tags as tokens, not {len(tags)} and {len(read.tokens)}.")
    return tagged_document(named(read.id, number), read.tokens, tags)


def read_gliner(row: Row, number: int, options: Options) -> Document:
    """Read a training row of GLiNER: `[first token, last token, type]` for each mention. Raises Misfit."""
    read = fitted(_Gliner, row)
    text, places = joined_tokens(read.tokenized_text)
    mentions = Mentions(text)
    for first, last, kind in read.ner:
        if not 0 <= first <= last < len(places):
            raise Misfit(f"expected token numbers from 0 to {len(places) - 1}, not {first} to {last}.")
        mentions.add(kind, (places[first][0], places[last][1]))
    return mentions.document(str(number))


def class_labels(folder: Path) -> tuple[str, ...]:
    """Return the names of numeric tags according to the description that `datasets` writes beside its files, if any."""
    for path in (folder / name for name in _INFO):
        try:
            if names := _names(orjson.loads(path.read_bytes())):
                return names
        except (OSError, orjson.JSONDecodeError):
            continue
    return ()


def _names(info: object, of_tags: bool = False) -> tuple[str, ...]:
    """Find the `names` of the feature of the tags in a description."""
    if not isinstance(info, dict):
        return ()
    for key, value in cast("dict[str, object]", info).items():
        if of_tags and key == "names" and isinstance(value, list):
            return tuple(map(str, cast("list[object]", value)))
        if found := _names(value, of_tags or key in TAGS):
            return found
    return ()


def _named(tag: int | str, options: Options) -> str:
    if isinstance(tag, int):
        if not 0 <= tag < len(options.tags):
            raise Misfit(f'the tag {tag} has no name: list the names as `"tags"` in card.json, in their order.')
        tag = options.tags[tag]
    if not is_tag(tag):
        raise Misfit("expected tags such as B-person or O.")
    return tag
