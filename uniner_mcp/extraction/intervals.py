"""Questions about many spans of a text, each answered in O(log n) time."""

from __future__ import annotations

from collections.abc import Iterable


class Spans:
    """A set of spans that grows, out of `possible` ones."""

    def __init__(self, possible: Iterable[tuple[int, int]]) -> None:
        self._number = numbered(possible)
        self._last_end = Highest(len(self._number))

    def add(self, start: int, end: int) -> None:
        """Add a possible span."""
        self._last_end.raise_to(end, self._number[start] + 1, len(self._number))

    def overlap(self, start: int, end: int) -> bool:
        """Return whether any span of the set overlaps a possible span."""
        # Of those that start before its end, the last to end does so after its start.
        return self._last_end.at(self._number[end]) > start


def numbered(spans: Iterable[tuple[int, int]]) -> dict[int, int]:
    """Return the number of each offset, in ascending order, at which a span starts or ends."""
    return {place: number for number, place in enumerate(sorted({place for span in spans for place in span}))}


class Highest:
    """The highest value assigned to any range that contains a point: a segment tree, O(log n) per call."""

    def __init__(self, points: int) -> None:
        self._points = points
        self._tree = [float("-inf")] * (2 * points)

    def raise_to(self, value: int, first: int, end: int) -> None:
        """Raise the values of the points from `first` to before `end` to at least `value`."""
        low, high = first + self._points, end + self._points
        while low < high:
            if low % 2:
                self._tree[low] = max(self._tree[low], value)
                low += 1
            if high % 2:
                high -= 1
                self._tree[high] = max(self._tree[high], value)
            low //= 2
            high //= 2

    def at(self, point: int) -> float:
        """Return the highest value assigned to a point, or minus infinity if there is none."""
        node, highest = point + self._points, float("-inf")
        while node:
            highest = max(highest, self._tree[node])
            node //= 2
        return highest
