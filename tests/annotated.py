"""Annotated documents of every kind for property tests, and their way through a file."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from hypothesis import strategies as st

from uniner_mcp.formats.documents import Discontinuous, Document, Span
from uniner_mcp.formats.reading.choice import read
from uniner_mcp.formats.writing.choice import FORMATS
from uniner_mcp.formats.writing.losses import Losses

# Combining marks, astral characters, scripts without spaces, and whatever may mean something in a format.
PIECES = [
    "Jose\u0301",
    "😀",
    "👩🏽‍🚒",
    "東京",
    "กรุงเทพ",
    "O'Neil",
    "#",
    "-DOCSTART-",
    "1",
    "B-x",
    "O",
    ".",
    '"',
    "<b>",
    "\ufeff",
]
SPACES = [" ", " ", "\n", "\r\n", "\r", "\t", "\u00a0", "\u2028", "\x85", "\x0b", "\x1c", "  "]
TYPES = ["person", "male person", "art/film", "B-x", "Łódź\u00a0x", "GPE"]

texts = st.lists(st.sampled_from(PIECES) | st.sampled_from(SPACES), max_size=12).map("".join)
plain_texts = st.lists(st.sampled_from(PIECES), min_size=1, max_size=8).map(" ".join)


@st.composite
def documents(draw: st.DrawFn, text: st.SearchStrategy[str] = texts) -> Document:
    written = draw(text)
    places = st.integers(0, len(written))
    edges = draw(st.lists(st.tuples(places, places, st.sampled_from(TYPES)), max_size=5))
    spans = {Span.of(written, kind, *sorted((a, b))) for a, b, kind in edges if a != b}
    confidence = draw(st.sampled_from([None, None, 0.5]))
    entities = tuple(replace(one, confidence=confidence) for one in sorted(spans, key=place))
    name = draw(st.sampled_from(["a", "PMC 1", "東京", "a/b", "..", "con.", "x" * 300, "0", "1"]))
    asked = draw(st.sampled_from([None, None, ("person",), ()]))
    if asked == ():
        return Document(name, written, (), asked)
    cuts = sorted(draw(st.sets(places, max_size=4)))
    fragments = tuple(zip(cuts[::2], cuts[1::2], strict=False))
    apart = len(fragments) > 1 and all(written[a[1] : b[0]].strip() for a, b in pairwise(fragments))
    return Document(name, written, entities, asked, (Discontinuous("person", fragments),) if apart else ())


def round_trip(form: str, several: list[Document]) -> tuple[list[Document], Losses]:
    folder = Path(tempfile.mkdtemp())
    try:
        path = folder / f"test{FORMATS[form].suffix}"
        losses = FORMATS[form].write(several, path)
        return read(path).documents, losses
    finally:
        shutil.rmtree(folder)


def place(span: Span) -> tuple[int, int, str]:
    return span.start, span.end, span.type


def by_place(several: Iterable[Document]) -> list[Document]:
    return [replace(one, entities=tuple(sorted(one.entities, key=place))) for one in several]
