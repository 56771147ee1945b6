"""spaCy: the pipeline component `uniner`. Needs the extra `spacy`.

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
from uniner_mcp.schema import ExtractionRequest

KEY = "uniner"
"""Where all entities stand in `doc.spans`; `span._.confidence` is how sure the model is."""

if not Span.has_extension("confidence"):
    Span.set_extension("confidence", default=None)


@Language.factory(  # pyright: ignore[reportUnknownMemberType, reportUntypedClassDecorator]
    "uniner",
    assigns=["doc.ents", "doc.spans"],
    default_config={"entity_types": None, "domain": None, "overlap": "flat", "alignment_mode": "expand"},
)
class UninerComponent:
    """Sets `doc.ents` (without overlaps) and `doc.spans["uniner"]` (all).

    alignment_mode: what becomes of an entity that ends inside a token of spaCy's, as in `Doc.char_span`; with `strict`
    it is left out.
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
        """As spaCy makes components; the model is that of the settings."""
        self._given: dict[str, Any] = {"entity_types": entity_types, "domain": domain, "overlap": overlap}
        self._mode = alignment_mode
        self._extractor = opened_for(self)

    def __call__(self, doc: Doc) -> Doc:
        """Raises UninerError where nothing could be answered."""
        spans: list[Span] = []
        for entity in extract_sync(self._extractor, ExtractionRequest(text=doc.text, **self._given)).entities:
            span = doc.char_span(entity.start, entity.end, label=entity.type, alignment_mode=self._mode)
            if span is not None:
                span._.confidence = entity.confidence
                spans.append(span)
        doc.spans[KEY] = spans
        doc.ents = filter_spans(spans)
        return doc
