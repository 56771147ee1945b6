"""Finding every occurrence of many values in one text (pure)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from itertools import accumulate

Span = tuple[int, int]
"""Start and end of a part of the text."""

SHORTEST = 8
"""Shortest value: only positions that begin with these many characters of a value are searched further."""

_PRIME = (1 << 61) - 1
_BASE = 0x1B873593CC9E2D51


def repeats(text: str, values: Collection[Span]) -> Iterator[tuple[int, Span]]:
    """Yield each position at which a value begins, with the span of the longest value that begins there.

    `values` are spans of the text, at least `SHORTEST` long. Their occurrences are found even if they overlap. Takes
    O(n log n) time for n characters and values (up to another logarithm for the values), also if values are prefixes of
    each other, repeat themselves or are very long. They are compared by fingerprints of 61 bits, not by character.
    """
    if not values:
        return
    prefixes = _Prefixes(text, values)
    for start in range(len(text) - SHORTEST + 1):
        if (longest := prefixes.longest(start, len(text) - start)) is not None:
            yield start, longest


class _Prefixes:
    """Finds the longest value at a position by binary search over the lengths of the values with the same head.

    The prefixes of a value at which a search for it goes on to longer ones are stored, each with the longest value that
    it begins with, so that a search which follows a longer value in vain need not go back (Waldvogel et al., SIGCOMM
    1997, scheme of markers).
    """

    def __init__(self, text: str, values: Collection[Span]) -> None:
        self._text = text
        self._sums = list(accumulate(map(ord, text), lambda sum, code: (sum * _BASE + code) % _PRIME, initial=0))
        lengths: defaultdict[str, set[int]] = defaultdict(set)
        for start, end in values:
            lengths[text[start : start + SHORTEST]].add(end - start)
        self._lengths = {head: sorted(of_head) for head, of_head in lengths.items()}
        self._powers = {length: pow(_BASE, length, _PRIME) for of_head in lengths.values() for length in of_head}
        self._longest: dict[tuple[int, int], Span | None] = {}
        # A prefix contains shorter values only: they are stored when it is.
        for value in sorted(values, key=lambda value: value[1] - value[0]):
            self._add(value)

    def longest(self, start: int, room: int) -> Span | None:
        """Return the longest value of at most `room` characters that begins at a position."""
        lengths = self._lengths.get(self._text[start : start + SHORTEST], ())
        longest: Span | None = None
        low, high = 0, len(lengths)
        while low < high:
            middle = (low + high) // 2
            length = lengths[middle]
            if length <= room and (prefix := self._prefix(start, length)) in self._longest:
                longest = self._longest[prefix]
                low = middle + 1
            else:
                high = middle
        return longest

    def _add(self, value: Span) -> None:
        start, end = value
        lengths = self._lengths[self._text[start : start + SHORTEST]]
        low, high = 0, len(lengths)
        while low < high:
            middle = (low + high) // 2
            length = lengths[middle]
            if length > end - start:
                high = middle
                continue
            prefix = self._prefix(start, length)
            if length == end - start:
                self._longest[prefix] = value
            elif prefix not in self._longest:
                self._longest[prefix] = self.longest(start, length)
            low = middle + 1

    def _prefix(self, start: int, length: int) -> tuple[int, int]:
        """Return the fingerprint of some characters from a position, and their number."""
        return (self._sums[start + length] - self._sums[start] * self._powers[length]) % _PRIME, length
