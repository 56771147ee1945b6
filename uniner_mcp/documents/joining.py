"""Several documents as one text, so that offsets and paging work as in one."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from uniner_mcp.documents.document import Document, Place
from uniner_mcp.errors import RequestError

BETWEEN = "\n\f"
"""Between two documents."""


@dataclass(frozen=True)
class Joined:
    """Documents with their names, the offset at which each begins, and their joint text."""

    names: Sequence[str]
    documents: Sequence[Document]
    starts: Sequence[int]
    text: str

    def place(self, offset: int) -> tuple[str, Place]:
        """Return the name of the document with the character at `offset`, and the place in it."""
        number = bisect_right(self.starts, offset) - 1
        return self.names[number], self.documents[number].place(offset - self.starts[number])


def join(names: Sequence[str], documents: Sequence[Document]) -> Joined:
    """Return the documents as one text: that of a single one, or each followed by an end of page.

    Raises RequestError if there is no text.
    """
    if not any(document.text.strip() for document in documents):
        warnings = (warning for document in documents for warning in document.warnings)
        raise RequestError(" ".join(["There is no text in the file.", *warnings]))
    lengths = (len(document.text) + len(BETWEEN) for document in documents)
    starts = list(accumulate(lengths, initial=0))[:-1]
    return Joined(names, documents, starts, BETWEEN.join(document.text for document in documents))
