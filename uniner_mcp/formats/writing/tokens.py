"""Tokens, and mentions that are made of whole tokens, for formats that have no offsets."""

from __future__ import annotations

from collections.abc import Iterable

from uniner_mcp.atoms import ATOMS
from uniner_mcp.formats.documents import Document, Span
from uniner_mcp.formats.writing.losses import Losses

OVERLAPPING = "overlapping mentions (the longest was kept)"
EDGES = "mentions that begin or end with white space"


def without_edges(document: Document, losses: Losses) -> list[Span]:
    """Return the mentions that begin and end with a token."""
    kept = [span for span in document.entities if span.text == span.text.strip()]
    losses.update([EDGES] * (len(document.entities) - len(kept)))
    return kept


def flat(spans: Iterable[Span], losses: Losses) -> list[Span]:
    """Return the mentions without overlaps, by offset. Of overlapping ones the longest is kept, or else the first."""
    taken: set[int] = set()
    kept: list[Span] = []
    for span in sorted(spans, key=lambda span: span.start - span.end):
        if not taken.isdisjoint(range(span.start, span.end)):
            losses[OVERLAPPING] += 1
            continue
        taken.update(range(span.start, span.end))
        kept.append(span)
    return sorted(kept, key=lambda span: span.start)


def tokenize(text: str, spans: Iterable[Span]) -> list[tuple[int, int]]:
    """Return the offsets of the tokens: words and other characters, divided where a mention begins or ends."""
    edges = {edge for span in spans for edge in (span.start, span.end)}
    tokens: list[tuple[int, int]] = []
    for atom in ATOMS.finditer(text):
        start = atom.start()
        if atom[0].isspace():
            continue
        for end in range(start + 1, atom.end() + 1):
            if end in edges or end == atom.end():
                tokens.append((start, end))
                start = end
    return tokens
