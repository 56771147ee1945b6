"""Texts that several people annotated: one of them is read, and which one is said, never guessed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from uniner_mcp.formats.documents import Document
from uniner_mcp.formats.reading.files import Misfit


@dataclass(frozen=True, slots=True)
class ByAnnotator:
    """What one person annotated in one text. text_id: the same for all annotations of a text, None if there is one."""

    document: Document
    annotator: str | None
    text_id: str | None


def one_each(read: Iterable[ByAnnotator], wanted: str | None) -> Iterator[Document]:
    """Yield one document per text: the annotation of the person who is wanted, or the only one.

    Raises Misfit if a text has several annotations and nobody, or somebody else, is wanted.
    """
    texts: dict[str, list[ByAnnotator]] = {}
    for number, one in enumerate(read):
        texts.setdefault(f"row {number}" if one.text_id is None else f"text {one.text_id}", []).append(one)
    for several in texts.values():
        yield _chosen(several, wanted)


def _chosen(several: list[ByAnnotator], wanted: str | None) -> Document:
    if len(several) == 1:
        return several[0].document
    found = [one for one in several if one.annotator == wanted]
    if wanted is None or len(found) != 1:
        names = ", ".join(sorted({one.annotator or "without a name" for one in several}))
        raise Misfit(
            f"the text {several[0].document.id} was annotated {len(several)} times (annotators: {names}): say whose "
            "annotation to read with --annotator, or `annotator` in card.json."
        )
    return found[0].document
