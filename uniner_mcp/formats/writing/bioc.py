"""BioC JSON: each document is one passage at offset 0.

Source: github.com/bionlplab/bioc. Its decoder requires every key, also where the value is empty.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import orjson

from uniner_mcp.formats.documents import Document
from uniner_mcp.formats.writing.losses import DISCONTINUOUS, Losses, count_losses

Fragments = Sequence[tuple[int, int]]


def write_bioc(documents: Iterable[Document], losses: Losses) -> Iterator[bytes]:
    """Yield a collection; offsets and lengths are in code points."""
    separator = b'{"source":"uniner-mcp","date":"","key":"","infons":{},"documents":[\n'
    for document in documents:
        count_losses(document, losses, (DISCONTINUOUS,))
        yield separator + orjson.dumps(_document(document))
        separator = b",\n"
    yield b"\n]}\n" if separator == b",\n" else separator + b"]}\n"


def _document(document: Document) -> dict[str, object]:
    mentions: list[tuple[str, Fragments]] = [(one.type, [(one.start, one.end)]) for one in document.entities]
    mentions += [(one.type, one.fragments) for one in document.discontinuous]
    annotations = [
        {
            "id": str(number),
            "infons": {"type": kind},
            "text": " ".join(document.text[start:end] for start, end in fragments),
            "locations": [{"offset": start, "length": end - start} for start, end in fragments],
        }
        for number, (kind, fragments) in enumerate(mentions, start=1)
    ]
    nothing: dict[str, object] = {"infons": {}, "relations": []}
    passage = nothing | {"offset": 0, "text": document.text, "sentences": [], "annotations": annotations}
    return nothing | {"id": document.id, "passages": [passage], "annotations": []}
