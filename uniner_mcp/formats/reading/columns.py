"""Which columns of a CoNLL file hold the tokens and the tags (pure).

Files of this family agree on one token per line and on blank lines between sentences, and on nothing else. Columns are
told apart by their values; where these allow two readings, a person has to say which is right.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from uniner_mcp.formats.reading.files import Misfit
from uniner_mcp.formats.reading.options import Options
from uniner_mcp.formats.reading.tags import OUTSIDE, is_tag, tagged_mentions

Sentence = Sequence[Sequence[str]]
"""The lines of a sentence, each as its columns."""

_CHUNKS = frozenset(["NP", "VP", "PP", "ADVP", "ADJP", "SBAR", "PRT", "CONJP", "INTJ", "LST", "UCP", "NC", "VC", "PC"])
_NUMBER = re.compile(r"\d+(?:[-.]\d+)?", re.ASCII)
_NER_NAMES = frozenset({"NER", "NE", "NERTAG", "NER_TAG", "ENTITY", "IOB", "BIO", "TAG"})


@dataclass(frozen=True, slots=True)
class Columns:
    """Indices from 0. tags: one column, or several layers of nested mentions. index: that of token numbers, if any."""

    token: int
    tags: tuple[int, ...]
    index: int | None


def find_columns(sentences: Sequence[Sentence], names: Sequence[str], bare: bool, options: Options) -> Columns:
    """Tell the columns apart. names: those of `global.columns`, if any; bare: tags are types without a prefix.

    Raises Misfit if there are two readings, or none.
    """
    width = len(sentences[0][0])
    for asked in (*options.tag_column, *([options.token_column] if options.token_column is not None else [])):
        if not 1 <= asked <= width:
            raise Misfit(f"there is no column {asked}: the lines have {width} columns.")
    index = names.index("ID") if "ID" in names else (0 if width > 2 and _is_index(sentences) else None)
    tags = tuple(place - 1 for place in options.tag_column) or _tags(sentences, names, bare, index)
    if options.token_column is not None:
        token = options.token_column - 1
    elif "FORM" in names:
        token = names.index("FORM")
    else:
        token = next((place for place in range(width) if place != index and place not in tags), None)
    if token is None or token in tags:
        raise Misfit("expected a column of tokens beside that of the tags.")
    return Columns(token, tags, index)


def _is_index(sentences: Sequence[Sentence]) -> bool:
    """Whether the first column counts the tokens of each sentence, from 0 or 1, as in CoNLL-U."""
    firsts = [[line[0] for line in sentence] for sentence in sentences]
    if not all(_NUMBER.fullmatch(first) for column in firsts for first in column):
        return False
    counted = [[int(first) for first in column if first.isdecimal()] for column in firsts]
    return any(all(column == list(range(start, start + len(column))) for column in counted) for start in (0, 1))


def _tags(sentences: Sequence[Sentence], names: Sequence[str], bare: bool, index: int | None) -> tuple[int, ...]:
    width = len(sentences[0][0])
    if bare:
        return (width - 1,)
    if named := [place for place, name in enumerate(names) if name.upper() in _NER_NAMES]:
        return tuple(named)
    values = [{line[place] for sentence in sentences for line in sentence} for place in range(width)]
    layers = [
        place
        for place, found in enumerate(values)
        if place != index and all(map(is_tag, found)) and found != {"_"} and not _are_chunks(found)
    ]
    if said := [place for place in layers if not values[place] <= OUTSIDE]:
        layers = said
    if index is not None and len(layers) == 2 and _are_nested(sentences, *layers):
        return tuple(layers)
    if len(said) > 1:
        listed = " and ".join(str(place + 1) for place in layers)
        raise Misfit(
            f"columns {listed} both look like tags: say which with --tag-column, or `tag_column` in card.json "
            f'(several, such as "{layers[0] + 1},{layers[1] + 1}", for layers that belong together).'
        )
    return (layers[-1] if layers else _most_like_tags(sentences),)


def _are_chunks(tags: set[str]) -> bool:
    kinds = {tag[2:] for tag in tags - OUTSIDE}
    return bool(kinds) and kinds <= _CHUNKS


def _are_nested(sentences: Sequence[Sentence], outer: int, inner: int) -> bool:
    """Whether two columns are layers of one annotation, as in GermEval 2014, and not gold and predicted tags."""
    for sentence in sentences:
        first, second = (set(tagged_mentions([line[place] for line in sentence])) for place in (outer, inner))
        if first & second:
            return False
    return True


def _most_like_tags(sentences: Sequence[Sentence]) -> int:
    """Return the column with the most tags, the last of equals; the first line that does not fit is reported for it."""
    lines = [line for sentence in sentences for line in sentence]
    return max(range(len(lines[0])), key=lambda place: (sum(is_tag(line[place]) for line in lines), place))
