"""Finding in the text what an engine said, so that every entity is a stretch of the caller's text."""

from __future__ import annotations

import unicodedata
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from functools import cache, cached_property

from uniner_mcp.engines.base import Answer, Passage
from uniner_mcp.extraction.merging import certainty
from uniner_mcp.extraction.passages import ATOMS
from uniner_mcp.schema import Entity

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
    occurrences = cache(searched.occurrences)
    found: dict[tuple[int, int], float | None] = {}
    ungrounded = 0
    for mention in answer.mentions:
        if mention.span is None:
            spans = occurrences(mention.text.strip())
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
    """The span without the spaces around it; none if the mention is blank or does not stand there."""
    body = mention.strip()
    if not body or not 0 <= start <= end <= len(text) or text[start:end] != mention:
        return []
    start += len(mention) - len(mention.lstrip())
    return [(start, start + len(body))]


class _Searched:
    """The text of a passage, made ready for search only as far as the mentions need it."""

    def __init__(self, text: str) -> None:
        self._text = text

    def occurrences(self, mention: str) -> list[tuple[int, int]]:
        """The spans of a mention that has no spaces around it, in reading order; none if it is empty."""
        if not mention:
            return []
        return self._exact.occurrences(mention) or self._folded.occurrences(_fold(mention).text)

    @cached_property
    def _exact(self) -> _Reading:
        places = [atom.start() for atom in ATOMS.finditer(self._text)] + [len(self._text)]
        return _Reading(self._text, places, places)

    @cached_property
    def _folded(self) -> _Reading:
        return _fold(self._text)


@dataclass(frozen=True, slots=True)
class _Reading:
    """A way to write a source: its text, and where the atoms begin in it (`places`) and in the source (`sources`)."""

    text: str
    places: list[int]
    sources: list[int]

    def occurrences(self, wanted: str) -> list[tuple[int, int]]:
        """The spans in the source of the whole atoms that read `wanted`, which is not empty."""
        spans: list[tuple[int, int]] = []
        start = self.text.find(wanted)
        while start >= 0:
            end = start + len(wanted)
            first, last = bisect_left(self.places, start), bisect_left(self.places, end)
            if self.places[first] == start and self.places[last] == end:
                spans.append((self.sources[first], self.sources[last]))
                start = self.text.find(wanted, end)
            else:
                start = self.text.find(wanted, self.places[bisect_right(self.places, start)])
        return spans


def _fold(text: str) -> _Reading:
    """How the text reads if case, composition, the width of spaces, and typography do not matter.

    Case is folded as Unicode has it for canonical caseless matching (The Unicode Standard, D145).
    """
    atoms: list[str] = []
    places, sources = [0], [0]
    for atom in ATOMS.finditer(text):
        atoms.append(" " if atom[0].isspace() else _fold_atom(atom[0]))
        places.append(places[-1] + len(atoms[-1]))
        sources.append(atom.end())
    return _Reading("".join(atoms), places, sources)


def _fold_atom(atom: str) -> str:
    decomposed = unicodedata.normalize("NFD", atom)
    return unicodedata.normalize("NFD", decomposed.casefold()).translate(_TYPEWRITER)
