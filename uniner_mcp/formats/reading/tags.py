"""Tags of tokens: BIO, IOB1, BIOES and BILOU."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from uniner_mcp.formats.documents import Document
from uniner_mcp.formats.reading.mentions import Mentions, joined_tokens

OUTSIDE = frozenset({"O", "_"})
_BEGINS, _ENDS = frozenset("BSU"), frozenset("ESLU")
_PREFIXES = frozenset(f"{letter}-" for letter in "BIESLU")


def is_tag(tag: str) -> bool:
    """Whether this is a tag with a prefix, such as `B-person`, or that of a token outside all mentions."""
    return tag in OUTSIDE or (tag[:2] in _PREFIXES and len(tag) > 2)


def tagged_mentions(tags: Sequence[str]) -> Iterator[tuple[int, int, str]]:
    """Yield first token, last token and type of each mention; a tag that continues none begins one, as in conlleval."""
    begun: tuple[int, str] | None = None
    for index, tag in enumerate([*tags, "O"]):
        letter, _, kind = tag.partition("-")
        if begun is not None and (kind != begun[1] or letter in _BEGINS or tags[index - 1][0] in _ENDS):
            yield begun[0], index - 1, begun[1]
            begun = None
        if kind and begun is None:
            begun = index, kind


def tagged_document(id: str, tokens: Sequence[str], *layers: Sequence[str]) -> Document:
    """Return tokens joined by single spaces, with the mentions of one or several layers of tags."""
    text, places = joined_tokens(tokens)
    mentions = Mentions(text)
    for tags in layers:
        for first, last, kind in tagged_mentions(tags):
            mentions.add(kind, (places[first][0], places[last][1]))
    return mentions.document(id)
