"""spaCy's binary format (`.spacy`): a DocBin. It needs the extra `spacy`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib import import_module
from typing import Any

from uniner_mcp.errors import RequestError
from uniner_mcp.formats.documents import Document
from uniner_mcp.formats.writing.losses import IDS, UNANNOTATED, Losses, count_losses
from uniner_mcp.formats.writing.tokens import flat, tokenize, without_edges
from uniner_mcp.installation import install_command

GROUP = "sc"
"""The span group that spaCy's SpanCategorizer is trained on."""


def write_docbin(documents: Iterable[Document], losses: Losses) -> Iterator[bytes]:
    """Yield a DocBin. The mentions are `ents`; if any overlap, those of all documents are in the span group `sc`.

    Tokens are divided where a mention begins or ends, so that none is misaligned. Raises RequestError if spaCy is not
    installed.
    """
    try:
        spacy: Any = import_module("spacy")
        classes: Any = import_module("spacy.tokens")
    except ImportError:
        raise RequestError(f".spacy files need the `spacy` extra: run {install_command('spacy')}.") from None
    everything = [(document, without_edges(document, losses)) for document in documents]
    nested = any(len(flat(spans, Losses())) < len(spans) for _, spans in everything)
    vocabulary = spacy.blank("xx").vocab
    binary = classes.DocBin()
    for number, (document, spans) in enumerate(everything):
        count_losses(document, losses, (UNANNOTATED,))
        losses.update([IDS] if document.id != str(number) else [])
        words = [document.text[start:end] for start, end in tokenize(document.text, spans)]
        words, spaces = spacy.util.get_words_and_spaces(words, document.text)
        doc = classes.Doc(vocabulary, words=words, spaces=spaces)
        if document.asked != ():
            found = [doc.char_span(span.start, span.end, label=span.type) for span in spans]
            if nested:
                doc.spans[GROUP] = found
            else:
                doc.ents = found
        binary.add(doc)
    yield binary.to_bytes()
