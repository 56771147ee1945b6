"""spaCy's binary format (`.spacy`): a DocBin. It needs the extra `spacy`."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from uniner_mcp.errors import RequestError
from uniner_mcp.formats.documents import Document
from uniner_mcp.formats.reading.files import misread
from uniner_mcp.formats.reading.mentions import Mentions
from uniner_mcp.formats.reading.options import Options
from uniner_mcp.installation import install_command


def read_docbin(path: Path, options: Options) -> Iterator[Document]:
    """Yield the documents of a file, with their `ents`, or else with their only span group.

    A document without any annotation returns a document for which no type was asked. Raises RequestError.
    """
    try:
        spacy: Any = import_module("spacy")
        tokens: Any = import_module("spacy.tokens")
    except ImportError:
        raise RequestError(f"{path}: .spacy files need the `spacy` extra: run {install_command('spacy')}.") from None
    try:
        docs = list(tokens.DocBin().from_disk(path).get_docs(spacy.blank("xx").vocab))
    except Exception as error:  # Whatever zlib, msgpack and spaCy raise for bytes that are none of theirs.
        raise RequestError(f"{path} cannot be read by spaCy ({type(error).__name__}): write it again.") from None
    groups = {name for doc in docs for name, spans in doc.spans.items() if len(spans)}
    entities = any(doc.ents for doc in docs)
    if len(groups) > (0 if entities else 1):
        kinds = [*(["ents"] if entities else []), *sorted(groups)]
        raise misread(path, "all documents", f"expected one annotation, not {', '.join(kinds)}: keep one of them.")
    for number, doc in enumerate(docs):
        mentions = Mentions(doc.text)
        for span in doc.spans[next(iter(groups))] if groups and next(iter(groups)) in doc.spans else doc.ents:
            mentions.add(span.label_, (span.start_char, span.end_char))
        annotated = doc.has_annotation("ENT_IOB") or bool(doc.spans)
        yield mentions.document(str(number), None if annotated else ())
