"""A random sample of passages for the teacher (UniversalNER, arXiv 2308.03279, section 3.1)."""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Callable, Iterator

from uniner_mcp.extraction.passages import split_passages


def passages(document: str, longest: int, length: Callable[[str], int]) -> Iterator[str]:
    """Split a document into passages of at most `longest` tokens, as counted by `length`, without overlap."""
    waiting = [(document, longest)]
    while waiting:
        text, budget = waiting.pop()
        for passage in split_passages(text, budget, 0):
            if budget > 1 and length(passage.text) > longest:
                waiting.append((passage.text, budget // 2))  # The splitter only estimates lengths.
            else:
                yield passage.text


class Sample:
    """A sample of `number` different passages of a stream, all equally likely; the same seed gives the same sample.

    It consists of the passages with the smallest hashes. So neither their order nor repetitions (ignoring case and
    white space) matter, a smaller sample is the beginning of a larger one, and only the sample is in memory.
    """

    def __init__(self, number: int, seed: int) -> None:
        self._number = number
        self._key = seed.to_bytes(8, "big")
        self._heap: list[tuple[int, str]] = []
        self._kept: set[int] = set()

    def add(self, text: str) -> None:
        """Offer a passage to the sample."""
        same = " ".join(text.casefold().split())
        ticket = int.from_bytes(hashlib.blake2b(same.encode(), digest_size=16, key=self._key).digest(), "big")
        if ticket in self._kept:
            return
        # The heap pops its smallest item: of negated tickets, that is the largest ticket.
        heapq.heappush(self._heap, (-ticket, text))
        self._kept.add(ticket)
        if len(self._heap) > self._number:
            self._kept.remove(-heapq.heappop(self._heap)[0])

    def drawn(self) -> list[tuple[str, str]]:
        """Return the id and text of each passage, ordered by hash."""
        return [(f"{-ticket:032x}", text) for ticket, text in sorted(self._heap, reverse=True)]
