"""An annotated document: the one value between all annotation formats."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Span:
    """A mention of one type: `text[start:end]` of its document, offsets in code points.

    type: as it is spelt in the file. confidence: 0 to 1, None if a person annotated it or the model reports none.
    """

    text: str
    type: str
    start: int
    end: int
    confidence: float | None = None

    @classmethod
    def of(cls, document: str, type: str, start: int, end: int, confidence: float | None = None) -> Span:
        """Take the mention from its document. Raises ValueError if the offsets are not those of a part of it."""
        if not 0 <= start < end <= len(document):
            raise ValueError(f"expected offsets within the text (0 to {len(document)}), not {start} to {end}")
        return cls(document[start:end], type, start, end, confidence)


@dataclass(frozen=True, slots=True)
class Discontinuous:
    """A mention in several parts, with other text between them: (start, end) of each, in the order of the text."""

    type: str
    fragments: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A text with its annotation. Mentions may overlap and may have several types; their order is that of the file.

    asked: the types that were annotated in this document, found or not, if not every type of the set was; otherwise
    None. discontinuous: mentions in several parts, which are not among `entities`, because most formats cannot hold
    them.
    """

    id: str
    text: str
    entities: tuple[Span, ...]
    asked: tuple[str, ...] | None = None
    discontinuous: tuple[Discontinuous, ...] = ()
