"""What a format cannot hold, counted by what it is, in words."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Container

from uniner_mcp.formats.documents import Document

Losses = Counter[str]
"""Number of things that were not written, or not as they are, by what they are."""

CONFIDENCES = "confidences"
ASKED = "lists of the types that were annotated"
UNANNOTATED = "documents that were not annotated (written as if nothing was found in them)"
DISCONTINUOUS = "discontinuous mentions"
IDS = "ids of documents"
SPELLING = "spaces in type names (written as _)"


def count_losses(document: Document, losses: Losses, holds: Container[str]) -> None:
    """Count what a document has and a format does not hold; holds: the constants above that it does hold."""
    found = {
        CONFIDENCES: sum(span.confidence is not None for span in document.entities),
        ASKED: bool(document.asked),
        UNANNOTATED: document.asked == (),
        DISCONTINUOUS: len(document.discontinuous),
    }
    losses.update({name: int(count) for name, count in found.items() if count and name not in holds})


def spelt(type: str, losses: Losses) -> str:
    """Return the name of a type for formats where white space ends it."""
    written = re.sub(r"\s", "_", type)
    losses.update([SPELLING] if written != type else [])
    return written
