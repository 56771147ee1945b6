"""Locating the mentions of an engine in the text, so that every entity is a span of the caller's text."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from uniner_mcp.atoms import ATOMS, EXTENDERS
from uniner_mcp.engines.base import Answer, Passage
from uniner_mcp.extraction.merging import certainty
from uniner_mcp.schema import Entity

# Two noncharacters: the first one is our separator, so it is replaced by the second one in texts.
_EDGE, _NO_EDGE = "\uffff", "\ufffe"
_TYPEWRITER = str.maketrans(dict.fromkeys("‘’‚‛′", "'") | dict.fromkeys("“”„‟«»″", '"') | dict.fromkeys("‐‑‒–—―−", "-"))


def ground(passage: Passage, answer: Answer) -> tuple[list[Entity], int]:
    """Turn the mentions of an answer into entities of the caller's text, in reading order.

    A mention with a span must occur exactly there. A mention without one matches everywhere it occurs as whole words,
    in scripts that separate words (searched from the left, so that matches do not overlap). Differences in spacing,
    line breaks, quotes, dashes and Unicode composition are always ignored: they are a matter of typesetting, and a
    model names a mention once, however often and in whatever form it is repeated. Differences in case are ignored only
    if nothing matches otherwise, because case tells words apart ("US" and "us", "Bush" and "bush"). Several mentions
    with the same span become one entity, with the highest confidence.

    Returns the entities, and the number of mentions that were dropped because they are empty or not in the passage.
    """
    searched = _Searched(passage.text)
    found: dict[tuple[int, int], float | None] = {}
    ungrounded = 0
    for mention in answer.mentions:
        if mention.span is None:
            spans = searched.occurrences(mention.text.strip())
        else:
            spans = _verify(passage.text, mention.text, *mention.span)
        if not spans:
            ungrounded += 1
        for span in spans:
            found[span] = max(found.get(span), mention.confidence, key=certainty)
    entities = [
        Entity(
            text=passage.text[start:end],
            type=answer.type.name,
            start=passage.start + start,
            end=passage.start + end,
            confidence=confidence,
        )
        for (start, end), confidence in sorted(found.items(), key=lambda item: item[0])
    ]
    return entities, ungrounded


def _verify(text: str, mention: str, start: int, end: int) -> list[tuple[int, int]]:
    """Return the span without surrounding spaces, extended by marks that belong to its last character.

    Returns an empty list if the mention is blank or not in this place.
    """
    body = mention.strip()
    if not body or not 0 <= start <= end <= len(text) or text[start:end] != mention:
        return []
    start += len(mention) - len(mention.lstrip())
    end = start + len(body)
    marks = EXTENDERS.match(text, end)
    return [(start, marks.end() if marks else end)]


class _Searched:
    """The text of a passage, prepared for search only as far as the mentions need it."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._known: dict[str, list[tuple[int, int]]] = {}

    def occurrences(self, mention: str) -> list[tuple[int, int]]:
        """Return the spans of a mention without surrounding spaces, in reading order; none if it is empty."""
        if not mention:
            return []
        if mention not in self._known:
            alike = self._typed.occurrences(_read(mention, _type))
            self._known[mention] = alike or self._folded.occurrences(_read(mention, _fold))
        return self._known[mention]

    @cached_property
    def _typed(self) -> _Reading:
        return _read(self._text, _type)

    @cached_property
    def _folded(self) -> _Reading:
        return _read(self._text, _fold)


@dataclass(frozen=True, slots=True)
class _Reading:
    """A source string with separators before, between and after its atoms, so that a search finds only whole atoms.

    `sources` maps the position of each separator to the offset in the source.
    """

    text: str
    sources: dict[int, int]

    def occurrences(self, wanted: _Reading) -> list[tuple[int, int]]:
        """Return the spans of the source that match `wanted`, which must not be empty. Takes linear time."""
        spans: list[tuple[int, int]] = []
        start = self.text.find(wanted.text)
        while start >= 0:
            end = start + len(wanted.text) - len(_EDGE)
            spans.append((self.sources[start], self.sources[end]))
            start = self.text.find(wanted.text, end)
        return spans


def _read(source: str, spell: Callable[[str], str]) -> _Reading:
    """Read a source atom by atom, and apply `spell` to each."""
    spelt = [_EDGE]
    place, sources = 0, {0: 0}
    for atom in ATOMS.finditer(source):
        spelt.append(spell(atom[0]).replace(_EDGE, _NO_EDGE) + _EDGE)
        place += len(spelt[-1])
        sources[place] = atom.end()
    return _Reading("".join(spelt), sources)


def _type(atom: str) -> str:
    """Normalise composition, spacing and typography of an atom."""
    if atom.isspace():
        return " "
    return atom if atom.isascii() else unicodedata.normalize("NFD", atom).translate(_TYPEWRITER)


def _fold(atom: str) -> str:
    """Normalise also the case of an atom (The Unicode Standard, D145)."""
    return _type(unicodedata.normalize("NFD", atom).casefold())
