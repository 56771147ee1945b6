"""spaCy: the pipeline component `uniner`. Requires the extra `spacy`.

nlp = spacy.blank("en")
nlp.add_pipe("uniner", config={"entity_types": ["person", "court"]})
nlp("…").ents
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import tee
from typing import Any, Literal

from spacy.language import Language
from spacy.tokens import Doc, Span, SpanGroup

from uniner_mcp.errors import UninerError
from uniner_mcp.extraction.merging import merge
from uniner_mcp.integrations.documents import read_each, request_for
from uniner_mcp.integrations.tooling import opened_for
from uniner_mcp.schema import Entity, Extraction

KEY = "uniner"
"""Key of all entities in `doc.spans`; `span._.confidence` is the confidence of the model."""


def _stored(span: Span) -> tuple[dict[Any, Any], tuple[str, str, int, int]]:
    """Return where the confidence of a span is stored, and its key.

    It is spaCy's own key for values of spans, but with the label: otherwise spans of different types would share their
    values. As a key of this form, it is moved along when documents are joined or cut.
    """
    return span.doc.user_data, ("._.", f"confidence:{span.label_}", span.start_char, span.end_char)


def _get_confidence(span: Span) -> float | None:
    values, key = _stored(span)
    return values.get(key)


def _set_confidence(span: Span, confidence: float | None) -> None:
    values, key = _stored(span)
    values[key] = confidence


if not Span.has_extension("confidence"):
    Span.set_extension("confidence", getter=_get_confidence, setter=_set_confidence)


@Language.factory(  # pyright: ignore[reportUnknownMemberType, reportUntypedClassDecorator]
    "uniner",
    assigns=["doc.ents", "doc.spans"],
    default_config={
        "entity_types": None,
        "domain": None,
        "overlap": "flat",
        "alignment_mode": "expand",
        "overwrite_ents": False,
    },
)
class UninerComponent:
    """Sets `doc.spans["uniner"]` (all entities) and `doc.ents` (the most confident ones, without overlaps).

    The `attrs` of the span group are the other fields of the `Extraction`, such as `unanswered`; `unaligned`, the
    number of omitted entities; and, if nothing could be answered, `error`.

    alignment_mode: how to handle an entity that starts or ends inside a spaCy token, as in `Doc.char_span`; `strict`
    omits it.
    overwrite_ents: whether to replace overlapping entities of earlier components, as in `EntityRuler`.
    """

    def __init__(
        self,
        nlp: Language,
        name: str,
        entity_types: list[str] | None,
        domain: str | None,
        overlap: str,
        alignment_mode: Literal["strict", "contract", "expand"],
        overwrite_ents: bool,
    ) -> None:
        """Create the component, as called by spaCy; the settings select the model.

        Raises RequestError, SettingsError or EngineError.
        """
        self._request = request_for(entity_types=entity_types, domain=domain, overlap=overlap)
        self._mode = alignment_mode
        self._overwrite = overwrite_ents
        opened_for(self)

    def __call__(self, doc: Doc) -> Doc:
        """Set the entities of a document. Raises UninerError if nothing could be answered."""
        (outcome,) = read_each(opened_for(self), self._request, [doc.text])
        if isinstance(outcome, UninerError):
            raise outcome
        return self._set(doc, outcome)

    def pipe(self, stream: Iterable[Doc], **_: Any) -> Iterator[Doc]:
        """Set the entities of documents, reading several at once. One that cannot be read has none, and an `error`."""
        docs, ahead = tee(stream)
        outcomes = read_each(opened_for(self), self._request, (doc.text for doc in ahead))
        for outcome, doc in zip(outcomes, docs, strict=True):
            yield self._set(doc, outcome)

    def _set(self, doc: Doc, outcome: Extraction | UninerError) -> Doc:
        if isinstance(outcome, UninerError):
            doc.spans[KEY] = SpanGroup(doc, name=KEY, attrs={"error": str(outcome)})
            return doc
        aligned = [moved for entity in outcome.entities if (moved := self._aligned(doc, entity))]
        spans: list[Span] = []
        for entity in merge(aligned, "all"):
            span = Span(doc, entity.start, entity.end, label=entity.type)
            span._.confidence = entity.confidence
            spans.append(span)
        attrs = outcome.model_dump(mode="json", exclude={"entities"}, exclude_defaults=True)
        if missing := len(outcome.entities) - len(aligned):
            attrs["unaligned"] = missing
        doc.spans[KEY] = SpanGroup(doc, name=KEY, spans=spans, attrs=attrs)
        flat = [Span(doc, entity.start, entity.end, label=entity.type) for entity in merge(aligned, "flat")]
        earlier = list(doc.ents)
        if self._overwrite:
            doc.ents = [*_apart(earlier, flat), *flat]
        else:
            doc.ents = [*earlier, *_apart(flat, earlier)]
        return doc

    def _aligned(self, doc: Doc, entity: Entity) -> Entity | None:
        """Return the entity with offsets in tokens instead of characters."""
        span = doc.char_span(entity.start, entity.end, alignment_mode=self._mode)
        return entity.model_copy(update={"start": span.start, "end": span.end}) if span else None


def _apart(spans: list[Span], others: list[Span]) -> list[Span]:
    """Return the spans that share no token with the others."""
    taken = {index for other in others for index in range(other.start, other.end)}
    return [span for span in spans if taken.isdisjoint(range(span.start, span.end))]
