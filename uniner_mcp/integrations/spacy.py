"""spaCy: the pipeline component `uniner`. Requires the extra `spacy`.

nlp = spacy.blank("en")
nlp.add_pipe("uniner", config={"entity_types": ["person", "court"]})
nlp("…").ents
"""

from __future__ import annotations

from typing import Any, Literal

from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.util import filter_spans

from uniner_mcp.integrations.tooling import extract_sync, opened_for
from uniner_mcp.requests import ExtractionRequest

KEY = "uniner"
"""Key of all entities in `doc.spans`; `span._.confidence` is the confidence of the model."""

if not Span.has_extension("confidence"):
    Span.set_extension("confidence", default=None)


@Language.factory(  # pyright: ignore[reportUnknownMemberType, reportUntypedClassDecorator]
    "uniner",
    assigns=["doc.ents", "doc.spans"],
    default_config={"entity_types": None, "domain": None, "overlap": "flat", "alignment_mode": "expand"},
)
class UninerComponent:
    """Sets `doc.ents` (without overlaps) and `doc.spans["uniner"]` (all).

    alignment_mode: how to handle an entity that starts or ends inside a spaCy token, as in `Doc.char_span`; `strict`
    omits it.
    """

    def __init__(
        self,
        nlp: Language,
        name: str,
        entity_types: list[str] | None,
        domain: str | None,
        overlap: str,
        alignment_mode: Literal["strict", "contract", "expand"],
    ) -> None:
        """Create the component, as called by spaCy; the settings select the model."""
        self._given: dict[str, Any] = {"entity_types": entity_types, "domain": domain, "overlap": overlap}
        self._mode = alignment_mode
        self._extractor = opened_for(self)

    def __call__(self, doc: Doc) -> Doc:
        """Set the entities of a document. Raises UninerError if no question could be answered."""
        spans: list[Span] = []
        for entity in extract_sync(self._extractor, ExtractionRequest(text=doc.text, **self._given)).entities:
            span = doc.char_span(entity.start, entity.end, label=entity.type, alignment_mode=self._mode)
            if span is not None:
                span._.confidence = entity.confidence
                spans.append(span)
        doc.spans[KEY] = spans
        doc.ents = filter_spans(spans)
        return doc
