"""The mentions of one document, checked against its text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import accumulate

from uniner_mcp.formats.documents import Discontinuous, Document, Span
from uniner_mcp.formats.reading.files import Misfit
from uniner_mcp.formats.reading.options import OffsetUnit

_WHITE = re.compile(r"(?:\s|\\n)+")

Fragment = tuple[int, int]


class Mentions:
    """Collects the mentions of one text, whose offsets are in the given unit."""

    def __init__(self, text: str, unit: OffsetUnit = "code-points") -> None:
        self.text = text
        self._places = _utf16(text) if unit == "utf-16" else None
        self._entities: list[Span] = []
        self._discontinuous: list[Discontinuous] = []

    def add(self, type: str, *fragments: Fragment, said: str | None = None, confidence: float | None = None) -> None:
        """Add a mention. Fragments with only white space between them are one mention.

        said: the text of the mention according to the file. Raises Misfit if the offsets are not within the text, or
        are those of another text.
        """
        try:
            parts = _joined(self.text, [self._checked(*fragment) for fragment in sorted(fragments)])
            if said is not None and not _same(said, " ".join(self.text[start:end] for start, end in parts)):
                raise Misfit(f"the text at {_written(fragments)} is not that of the mention.")
        except Misfit as error:
            raise Misfit(f"{error}{self._advice(fragments, said)}") from None
        if len(parts) == 1:
            self._entities.append(Span.of(self.text, type, *parts[0], confidence))
        else:
            self._discontinuous.append(Discontinuous(type, tuple(parts)))

    def document(self, id: str, asked: Sequence[str] | None = None) -> Document:
        """Return the document."""
        types = tuple(asked) if asked is not None else None
        return Document(id, self.text, tuple(self._entities), types, tuple(self._discontinuous))

    def _checked(self, start: int, end: int) -> Fragment:
        places = self._places if self._places is not None else range(len(self.text) + 1)
        if not 0 <= start < end < len(places):
            said = f"expected offsets from 0 to {len(places) - 1}, the first below the second"
            raise Misfit(f"{said}, not {start} to {end}.")
        first, last = places[start], places[end]
        if first is None or last is None:
            raise Misfit(f"the offsets {start} to {end} divide a character: they do not count UTF-16 units.")
        return first, last

    def _advice(self, fragments: Sequence[Fragment], said: str | None) -> str:
        """Return the advice to read the offsets as UTF-16 units if they would fit."""
        if self._places is not None:
            return ""
        try:
            Mentions(self.text, "utf-16").add("", *fragments, said=said)
        except Misfit:
            return ""
        return ' The offsets fit as UTF-16 units: say `"offsets": "utf-16"` in card.json, or --offsets utf-16.'


def _utf16(text: str) -> list[int | None]:
    """Return the code point at which each UTF-16 unit begins; None within a character."""
    places: list[int | None] = []
    for place, character in enumerate(text):
        places += [place, None] if ord(character) > 0xFFFF else [place]
    return [*places, len(text)]


def _joined(text: str, parts: Sequence[Fragment]) -> list[Fragment]:
    whole: list[Fragment] = []
    for start, end in parts:
        if whole and start < whole[-1][1]:
            raise Misfit("the fragments of a mention overlap.")
        if whole and not text[whole[-1][1] : start].strip():
            whole[-1] = whole[-1][0], end
        else:
            whole.append((start, end))
    return whole


def _same(said: str, found: str) -> bool:
    r"""Compare with any white space as one space: brat writes a line end as a space, Label Studio as `\n`."""
    return _WHITE.sub(" ", said) == _WHITE.sub(" ", found)


def _written(fragments: Sequence[Fragment]) -> str:
    return "; ".join(f"{start} to {end}" for start, end in fragments)


def joined_tokens(tokens: Sequence[str]) -> tuple[str, list[Fragment]]:
    """Return tokens joined by single spaces, and where each of them is in that text."""
    ends = list(accumulate((len(token) + 1 for token in tokens), initial=0))
    return " ".join(tokens), [(start, start + len(token)) for start, token in zip(ends, tokens, strict=False)]
