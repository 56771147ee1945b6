"""The words of a passage, which the student scores, and their characters in the passage."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum

from tokenizers import Tokenizer


class Shape(IntEnum):
    """The case of a word. Word pieces are lowercased, so the model receives the case as a separate input."""

    OTHER = 0
    LOWER = 1
    TITLE = 2
    UPPER = 3
    MIXED = 4


def shape_of(word: str) -> Shape:
    """Return the letter shape of a word."""
    if word.islower():
        return Shape.LOWER
    if word.isupper():
        return Shape.UPPER if len(word) > 1 else Shape.TITLE
    if word.istitle():
        return Shape.TITLE
    return Shape.MIXED if word.lower() != word else Shape.OTHER


class Gap(IntEnum):
    """What precedes a word. Word pieces do not contain white space, so the model receives it as a separate input.

    No mention contains a word that follows `BLANK_LINE` or a larger gap, unless it begins with that word.
    """

    NONE = 0
    SPACE = 1
    WIDE = 2
    LINE = 3
    BLANK_LINE = 4
    TAB = 5
    BULLET = 6


_BULLET = re.compile(r"[-*+\u2022\u2023\u2043\u25aa\u25cf\u25e6\u2013\u2014\u00b7](?=\s)|\(?\d{1,3}[.)](?=\s)")
"""A list mark, at the start of a line: a bullet or a number."""


def gap_of(text: str, start: int, end: int) -> Gap:
    """Return the kind of the white space `text[start:end]` before the word at `end`; a text starts with a new line."""
    space = text[start:end]
    lines = len(re.findall(r"\r\n|[\n\r\v\f\x85\u2028\u2029]", space))
    if lines or start == 0:
        if _BULLET.match(text, end):
            return Gap.BULLET
        return Gap.BLANK_LINE if lines > 1 else Gap.LINE
    if "\t" in space:
        return Gap.TAB
    return Gap.NONE if not space else Gap.SPACE if len(space) < 3 else Gap.WIDE


@dataclass(frozen=True, slots=True)
class Pieces:
    """The input of the text encoder for a passage.

    `ids`, `shapes` and `gaps` have one number per word piece, including [CLS] and [SEP]; only the first piece of a word
    has a gap other than `Gap.NONE`. `first[i]` is the index of the first piece of word `i`, `spans[i]` are its
    characters in the passage.
    """

    ids: list[int]
    shapes: list[int]
    gaps: list[int]
    first: list[int]
    spans: list[tuple[int, int]]

    @property
    def breaks(self) -> list[bool]:
        """Whether a mention that contains word `i` must begin with it, because of the gap before the word."""
        return [self.gaps[piece] >= Gap.BLANK_LINE for piece in self.first]


def split_words(tokenizer: Tokenizer, text: str) -> Pieces:
    """Split a passage into word pieces and words (runs of letters and digits; any other character is a word)."""
    encoding = tokenizer.encode(text)
    shapes = [int(Shape.OTHER)] * len(encoding.ids)
    first: list[int] = []
    spans: list[tuple[int, int]] = []
    previous = None
    for index, (word, (start, end)) in enumerate(zip(encoding.word_ids, encoding.offsets, strict=True)):
        if word is None:
            continue
        if word == previous:
            spans[-1] = (spans[-1][0], end)
        else:
            first.append(index)
            spans.append((start, end))
        previous = word
    gaps = [int(Gap.NONE)] * len(encoding.ids)
    bounds = [*first, len(encoding.ids) - 1]
    before = 0
    for number, (start, end) in enumerate(spans):
        shape = int(shape_of(text[start:end]))
        for index in range(bounds[number], bounds[number + 1]):
            shapes[index] = shape
        gaps[first[number]] = int(gap_of(text, before, start))
        before = end
    return Pieces(encoding.ids, shapes, gaps, first, spans)
