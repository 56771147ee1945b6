"""The law of all writers: what they do not report as lost is there when the file is read."""

from __future__ import annotations

from dataclasses import replace

import pytest
from annotated import PIECES, by_place, documents, plain_texts, round_trip
from hypothesis import given
from hypothesis import strategies as st

from uniner_mcp.formats.documents import Document, Span
from uniner_mcp.formats.reading.mentions import joined_tokens
from uniner_mcp.formats.writing.brat import LINE_ENDS
from uniner_mcp.formats.writing.choice import FORMATS
from uniner_mcp.formats.writing.losses import DISCONTINUOUS, Losses
from uniner_mcp.formats.writing.tokens import EDGES, OVERLAPPING, tokenize

READABLE = [name for name in FORMATS if name not in ("csv", "label-studio-predictions", "spacy")]


@pytest.mark.parametrize("form", READABLE)
@given(documents() | documents(plain_texts))
def test_a_document_that_a_format_holds_is_the_same_when_it_is_read(form: str, document: Document) -> None:
    read, losses = round_trip(form, [document])
    if not losses:
        assert by_place(read) == by_place([document])


@pytest.mark.parametrize("form", READABLE)
@given(st.lists(documents() | documents(plain_texts), max_size=4))
def test_text_and_mentions_of_every_document_are_read_or_counted(form: str, several: list[Document]) -> None:
    numbered = [replace(one, id=str(number)) for number, one in enumerate(several)]
    read, losses = round_trip(form, numbered)
    read = sorted(read, key=lambda one: int(one.id))
    if form != "conll":
        assert [one.text for one in read] == [one.text for one in numbered]
    written = sum(len(one.entities) + len(one.discontinuous) for one in numbered)
    found = sum(len(one.entities) + len(one.discontinuous) for one in read)
    assert found == written - sum(losses[what] for what in (OVERLAPPING, EDGES, LINE_ENDS, DISCONTINUOUS))


TOKENS = [piece for piece in PIECES if len(tokenize(piece, ())) == 1]


@st.composite
def tokenized_documents(draw: st.DrawFn) -> Document:
    """Tokens between single spaces, with flat mentions of whole tokens: all that CoNLL columns hold."""
    words = draw(st.lists(st.sampled_from(TOKENS), min_size=1, max_size=8))
    text, places = joined_tokens(words)
    cuts = sorted(draw(st.sets(st.integers(0, len(words)), max_size=6)))
    types = st.sampled_from(["person", "B-x", "art/film"])
    ranges = zip(cuts[::2], cuts[1::2], strict=False)
    return Document("0", text, tuple(Span.of(text, draw(types), places[a][0], places[b - 1][1]) for a, b in ranges))


@given(tokenized_documents())
def test_conll_holds_tokens_and_flat_mentions_without_a_loss(document: Document) -> None:
    assert round_trip("conll", [document]) == ([document], Losses())
