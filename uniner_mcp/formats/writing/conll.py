"""CoNLL columns: a token and its BIO tag per line, separated by a tab; a blank line after each document."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from uniner_mcp.formats.documents import Document, Span
from uniner_mcp.formats.writing.losses import IDS, Losses, count_losses, spelt
from uniner_mcp.formats.writing.tokens import flat, tokenize, without_edges

SPACING = "texts as they are (what was between two tokens is now one space)"
EMPTY = "documents without a token"


def write_conll(documents: Iterable[Document], losses: Losses) -> Iterator[bytes]:
    """Yield the lines of each document, which is one sentence of the file."""
    number = 0
    for document in documents:
        count_losses(document, losses, ())
        spans = flat(without_edges(document, losses), losses)
        tokens = tokenize(document.text, spans)
        if not tokens:
            losses[EMPTY] += 1
            continue
        words = [document.text[start:end] for start, end in tokens]
        losses.update([SPACING] if document.text != " ".join(words) else [])
        losses.update([IDS] if document.id != str(number) else [])
        lines = (f"{word}\t{tag}\n" for word, tag in zip(words, _tags(tokens, spans, losses), strict=True))
        # Readers take U+FEFF for a byte order mark if it is the first character of a file.
        start = "\n" if number == 0 and words[0].startswith("\ufeff") else ""
        yield f"{start}{''.join(lines)}\n".encode()
        number += 1


def _tags(tokens: Sequence[tuple[int, int]], spans: Sequence[Span], losses: Losses) -> Iterator[str]:
    """Yield the tag of each token. The mentions are flat, and tokens are divided at their edges."""
    ahead = [(span.start, span.end, spelt(span.type, losses)) for span in reversed(spans)]
    for start, end in tokens:
        if not ahead or start < ahead[-1][0]:
            yield "O"
            continue
        first, last, kind = ahead[-1]
        yield f"{'B' if start == first else 'I'}-{kind}"
        if end == last:
            ahead.pop()
