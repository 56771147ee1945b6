"""Splitting a text into passages that fit into one model call."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import regex

from uniner_mcp.atoms import ATOMS, CLUSTER, EXTENDERS, SPACE, UNSPACED
from uniner_mcp.engines.base import Passage

# One unit per match, but three for a Hangul syllable (the group).
_PIECE = regex.compile(r"[\p{Latin}\p{Greek}\p{Cyrillic}0-9]{1,3}+|([\uac00-\ud7a3])|[^\s\x1c-\x1f]")
_HANGUL_UNITS = 3

# A passage may end where one of the following patterns ends.
_ABBREVIATIONS = (
    "Mr|Mrs|Ms|Dr|Prof|St|Sr|Sra|Jr|Rev|Gen|Col|Maj|Sgt|Capt|Lt|Gov|Sen|Rep|Hon|Pres|Mt|Inc|Ltd|Co|Corp|Bros|"
    "vs|etc|al|cf|ca|approx|No|Nos|Nr|Vol|pp|Fig|Figs|Eq|Sec|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sep|Sept|Oct|Nov|Dec"
)
_NO_STOP = rf"(?<!(?<![\w'’])(?:\p{{L}}|{_ABBREVIATIONS})\.)"
_STOP = rf"""(?<![.!?…])[.!?…]++{_NO_STOP}[\p{{Pe}}\p{{Pf}}\p{{Pi}}"']*+{SPACE}++(?!\p{{Ll}})"""
_UNSPACED_STOP = rf"""[\p{{SB=STerm}}--[!?]]++[\p{{Pe}}\p{{Pf}}"']*+{SPACE}*+"""
_LINE_END = rf"[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]{SPACE}*+"
_BLANK_LINE = rf"(?:(?>\r\n|[\n\r])[ \t]*+(?>\r\n|[\n\r])|[\f\u2029]){SPACE}*+"
_CLAUSE = rf"[,;:،؛—–]{SPACE}++"
_UNSPACED_CLAUSE = rf"[，、；：]{SPACE}*+"
_BREAKS = [
    regex.compile(pattern, regex.VERSION1)
    for pattern in (
        _BLANK_LINE,
        f"{_STOP}|{_UNSPACED_STOP}|{_LINE_END}",
        f"{_CLAUSE}|{_UNSPACED_CLAUSE}",
        f"{_UNSPACED_STOP}|{_UNSPACED_CLAUSE}|{SPACE}++",
    )
]
_CLUSTERS = regex.compile(CLUSTER)
_SPACES = regex.compile(rf"{SPACE}++")
_UNSPACED_LETTERS = regex.compile(rf"[\w&&[{UNSPACED}]]", regex.VERSION1)


def units(text: str) -> int:
    """Estimate the length of a text in word pieces, without a tokenizer. The estimate tends to be too high.

    A run of Latin, Greek or Cyrillic letters and digits counts as a third of its length, rounded up; a Hangul syllable
    as three units; any other character, except spaces, as one.
    """
    return sum(_HANGUL_UNITS if piece.lastindex else 1 for piece in _PIECE.finditer(text))


def split_passages(text: str, budget: int, overlap: int | None = None) -> list[Passage]:
    """Split a text into passages of at most `budget` units that together contain all of it except spaces.

    A passage ends with a paragraph or a sentence if possible, otherwise with a clause, a word, or at least a grapheme
    cluster; a single cluster that exceeds the budget is still a passage. A passage begins with the last complete
    sentences of the previous one (or its last words, if it ends inside a sentence), up to `overlap` units: by default a
    sixth of the budget, at most half of it.

    Raises ValueError if `budget` is below 1 or `overlap` below 0.
    """
    share = budget // 6 if overlap is None else min(overlap, budget // 2)
    if budget < 1 or share < 0:
        raise ValueError("a passage needs a budget of at least 1 unit and an overlap of at least 0")
    start = boundary = len(text) - len(text.lstrip())
    if units(text) <= budget:
        return [Passage(text.strip(), start)] if boundary < len(text) else []
    cuts = _Cuts.of(text)
    passages: list[Passage] = []
    while boundary < len(text):
        end = cuts.end(start, boundary, budget)
        passages.append(Passage(text[start:end].rstrip(), start))
        start, boundary = cuts.next_start(start, end, budget, share), end
    return passages


def passages_from(passages: Sequence[Passage], start: int) -> Sequence[Passage]:
    """Return the passages that are needed to find what begins at `start` or later.

    These are the ones that end after `start`, and the one before them: it has a say in what they begin with.
    """
    before = sum(passage.start + len(passage.text) <= start for passage in passages)
    return passages[max(0, before - 1) :]


@dataclass(frozen=True, slots=True)
class _Ruler:
    """Measures parts of one text: the text before `starts[i]` has `spent[i]` units."""

    starts: list[int]
    spent: list[int]

    @classmethod
    def of(cls, text: str) -> _Ruler:
        pieces = [(piece.start(), _HANGUL_UNITS if piece.lastindex else 1) for piece in _PIECE.finditer(text)]
        starts = [start for start, _ in pieces]
        return cls([*starts, len(text)], list(accumulate((cost for _, cost in pieces), initial=0)))

    def forward(self, start: int, budget: int) -> int:
        """Return the last offset that `budget` units reach from `start`."""
        first = bisect_right(self.starts, start) - 1
        return self.starts[bisect_right(self.spent, self.spent[first] + budget) - 1]

    def back(self, end: int, budget: int) -> int:
        """Return the first offset from which `budget` units reach `end`."""
        last = bisect_left(self.starts, end)
        return self.starts[bisect_left(self.spent, self.spent[last] - budget)]


@dataclass(frozen=True, slots=True)
class _Cuts:
    """Where a text may be split: ascending offsets at which something other than a space begins, and its end."""

    text: str
    ruler: _Ruler
    paragraphs: list[int]
    sentences: list[int]
    clauses: list[int]
    words: list[int]

    @classmethod
    def of(cls, text: str) -> _Cuts:
        def places(pattern: regex.Pattern[str]) -> list[int]:
            ends = [match.end() for match in pattern.finditer(text)]
            ends = [end for end in ends if not EXTENDERS.match(text, end)]
            return ends if ends[-1:] == [len(text)] else [*ends, len(text)]

        return cls(text, _Ruler.of(text), *map(places, _BREAKS))

    def end(self, start: int, boundary: int, budget: int) -> int:
        """Return the best offset after `boundary` to end the passage that begins at `start`."""
        reach = self.ruler.forward(start, budget)
        # Passages may be shortened to end at a blank line or a comma, but not to less than half the budget.
        half = max(boundary, self.ruler.forward(start, budget // 2))
        kinds = ((self.paragraphs, half), (self.sentences, boundary), (self.clauses, half), (self.words, boundary))
        for breaks, after in kinds:
            within = bisect_right(breaks, reach)
            if within and breaks[within - 1] > after:
                return breaks[within - 1]
        place = self._parts(boundary, reach)[-1]
        return place if (spaces := _SPACES.match(self.text, place)) is None else spaces.end()

    def next_start(self, start: int, end: int, budget: int, overlap: int) -> int:
        """Return where the passage after the one from `start` to `end` begins: at `end`, or earlier for context."""
        if end == len(self.text):
            return end
        # The overlap must leave room for the next sentence, or for as much of it as would fit without overlap.
        reach = self.ruler.forward(end, budget)
        following = (breaks[bisect_right(breaks, end)] for breaks in (self.sentences, self.words))
        needed = next((place for place in following if place <= reach), None) or self._parts(end, reach)[0]
        earliest = max(start + 1, self.ruler.back(end, overlap), self.ruler.back(needed, budget))
        if earliest >= end:
            return end
        if self.sentences[bisect_left(self.sentences, end)] == end:
            return self.sentences[bisect_left(self.sentences, earliest)]
        word = self.words[bisect_left(self.words, earliest)]
        if word < end:
            return word
        clusters = (cluster.start() for cluster in _CLUSTERS.finditer(self.text, start, end))
        unspaced = (place for place in clusters if place >= earliest and _UNSPACED_LETTERS.match(self.text, place))
        return next(unspaced, end)

    def _parts(self, start: int, reach: int) -> list[int]:
        """Return the ends of the atoms from `start` to `reach`, else of the clusters, else of the first cluster."""
        for pattern in (ATOMS, _CLUSTERS):
            ends = [part.end() for part in pattern.finditer(self.text, start, reach + 1) if part.end() <= reach]
            if ends:
                return ends
        return [next(_CLUSTERS.finditer(self.text, start)).end()]
