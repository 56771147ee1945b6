"""Words of a passage: what the student scores, with the characters they stand for."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from tokenizers import Tokenizer


class Shape(IntEnum):
    """How a word is written: the word pieces are lower-cased, so the model is told the case beside them."""

    OTHER = 0
    LOWER = 1
    TITLE = 2
    UPPER = 3
    MIXED = 4


def shape_of(word: str) -> Shape:
    """The letter shape of a word."""
    if word.islower():
        return Shape.LOWER
    if word.isupper():
        return Shape.UPPER if len(word) > 1 else Shape.TITLE
    if word.istitle():
        return Shape.TITLE
    return Shape.MIXED if word.lower() != word else Shape.OTHER


@dataclass(frozen=True, slots=True)
class Pieces:
    """A passage as the text encoder reads it.

    `ids` and `shapes` have one number per word piece, [CLS] and [SEP] included. `first[i]` is the index of the first
    piece of word `i` and `spans[i]` its characters in the passage.
    """

    ids: list[int]
    shapes: list[int]
    first: list[int]
    spans: list[tuple[int, int]]


def load_tokenizer(path: Path) -> Tokenizer:
    """A word-piece tokenizer without padding or truncation: nothing of a passage is cut off unseen."""
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    # "[SEP]" in a text is five characters, no separator.
    tokenizer.encode_special_tokens = True
    return tokenizer


def split_words(tokenizer: Tokenizer, text: str) -> Pieces:
    """Cut a passage into word pieces and words (runs of letters and digits; every other character is a word)."""
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
    bounds = [*first, len(encoding.ids) - 1]
    for number, (start, end) in enumerate(spans):
        shape = int(shape_of(text[start:end]))
        for index in range(bounds[number], bounds[number + 1]):
            shapes[index] = shape
    return Pieces(encoding.ids, shapes, first, spans)
