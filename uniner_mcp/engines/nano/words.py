"""The words of a passage, which the student scores, and their characters in the passage."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

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


@dataclass(frozen=True, slots=True)
class Pieces:
    """The input of the text encoder for a passage.

    `ids` and `shapes` have one number per word piece, including [CLS] and [SEP]. `first[i]` is the index of the first
    piece of word `i`, `spans[i]` are its characters in the passage.
    """

    ids: list[int]
    shapes: list[int]
    first: list[int]
    spans: list[tuple[int, int]]


def load_tokenizer(path: Path) -> Tokenizer:
    """Load a word-piece tokenizer without padding or truncation, so that no part of a passage is cut off silently."""
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    # "[SEP]" in a text is five characters, not a separator.
    tokenizer.encode_special_tokens = True
    return tokenizer


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
    bounds = [*first, len(encoding.ids) - 1]
    for number, (start, end) in enumerate(spans):
        shape = int(shape_of(text[start:end]))
        for index in range(bounds[number], bounds[number + 1]):
            shapes[index] = shape
    return Pieces(encoding.ids, shapes, first, spans)
