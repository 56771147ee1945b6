"""Finding in the text what an engine said, so that every entity is a stretch of the caller's text."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from uniner_mcp.atoms import ATOMS, EXTENDERS
from uniner_mcp.engines.base import Answer, Passage
from uniner_mcp.extraction.merging import certainty
from uniner_mcp.schema import Entity

# Two noncharacters: the first is ours, so where it stands in a text it is read as the second.
_EDGE, _NO_EDGE = "\uffff", "\ufffe"
_TYPEWRITER = str.maketrans(dict.fromkeys("‘’‚‛′", "'") | dict.fromkeys("“”„‟«»″", '"') | dict.fromkeys("‐‑‒–—―−", "-"))


def ground(passage: Passage, answer: Answer) -> tuple[list[Entity], int]:
    """Turn the mentions of an answer into entities of the caller's text, in reading order.

    A mention with a span must stand exactly there. One without stands for all places where it occurs (counted from
    the left, so that it does not overlap itself) as whole words, in scripts that have them. If it occurs nowhere
    exactly, then differences of case, of the width of spaces, of quotes and dashes, and of Unicode composition are
    overlooked. A span that several mentions share is one entity, with the highest confidence.

    Returns the entities, and how many mentions were dropped because they are empty or not in the passage.
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
    """The span without the spaces around it, with marks that belong to its last character.

    None if the mention is blank or does not stand there.
    """
    body = mention.strip()
    if not body or not 0 <= start <= end <= len(text) or text[start:end] != mention:
        return []
    start += len(mention) - len(mention.lstrip())
    end = start + len(body)
    marks = EXTENDERS.match(text, end)
    return [(start, marks.end() if marks else end)]


class _Searched:
    """The text of a passage, made ready for search only as far as the mentions need it."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._known: dict[str, list[tuple[int, int]]] = {}

    def occurrences(self, mention: str) -> list[tuple[int, int]]:
        """The spans of a mention that has no spaces around it, in reading order; none if it is empty."""
        if not mention:
            return []
        if mention not in self._known:
            exact = self._exact.occurrences(_read(mention, str))
            self._known[mention] = exact or self._folded.occurrences(_read(mention, _fold))
        return self._known[mention]

    @cached_property
    def _exact(self) -> _Reading:
        return _read(self._text, str)

    @cached_property
    def _folded(self) -> _Reading:
        return _read(self._text, _fold)


@dataclass(frozen=True, slots=True)
class _Reading:
    """A source with an edge before, between and after its atoms, so that a plain search finds whole atoms only.

    `sources` has the offset in the source for the place of each edge.
    """

    text: str
    sources: dict[int, int]

    def occurrences(self, wanted: _Reading) -> list[tuple[int, int]]:
        """The spans in the source that read like another source, which is not empty. Takes linear time."""
        spans: list[tuple[int, int]] = []
        start = self.text.find(wanted.text)
        while start >= 0:
            end = start + len(wanted.text) - len(_EDGE)
            spans.append((self.sources[start], self.sources[end]))
            start = self.text.find(wanted.text, end)
        return spans


def _read(source: str, spell: Callable[[str], str]) -> _Reading:
    """Read a source atom by atom, each spelt as `spell` has it."""
    spelt = [_EDGE]
    place, sources = 0, {0: 0}
    for atom in ATOMS.finditer(source):
        spelt.append(spell(atom[0]).replace(_EDGE, _NO_EDGE) + _EDGE)
        place += len(spelt[-1])
        sources[place] = atom.end()
    return _Reading("".join(spelt), sources)


def _fold(atom: str) -> str:
    """Spell an atom without regard to case, composition (The Unicode Standard, D145), spacing and typography."""
    return " " if atom.isspace() else unicodedata.normalize("NFD", atom).casefold().translate(_TYPEWRITER)
