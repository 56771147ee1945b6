"""The words of the project as frozen models: what callers give and get.

Offsets are Unicode code points of the caller's text, so that `text[start:end] == entity.text` in Python.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Overlap = Literal["flat", "nested", "all"]
"""What may overlap: `flat` nothing, `nested` only spans inside one another, `all` anything."""


class Frozen(BaseModel):
    """Base of the models: immutable, no unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class EntityType(Frozen):
    """A kind of thing to look for: its name and, where the name does not say enough, a definition."""

    name: str = Field(description="Name of the type, in natural language.")
    definition: str | None = Field(default=None, description="What the type means, in a sentence.")


class Entity(Frozen):
    """One grounded mention: `text[start:end]` of the caller's text is `entity.text`."""

    text: str = Field(description="The mention, exactly as it stands in the text.")
    type: str = Field(description="The entity type that was asked for.")
    start: int = Field(ge=0, description="Offset of the first character (Unicode code points).")
    end: int = Field(ge=0, description="Offset one past the last character.")
    confidence: float | None = Field(
        default=None, ge=0, le=1, description="How sure the model is, 0 to 1; null where it cannot tell."
    )


class Unanswered(Frozen):
    """A type that could not be answered for all of the text, and why."""

    type: str = Field(description="The entity type.")
    reason: str = Field(description="Why it was not answered, and for how much of the text.")


class TeacherMissing(Frozen):
    """Questions that the fallback policy would have put to the teacher, and why it did not answer them."""

    cause: Literal["consent", "budget", "domain", "length", "failed"] = Field(
        description="What stood in the way: nobody consented, the budget is spent, texts of the domain or of this "
        "length are never sent, or the teacher failed."
    )
    reason: str = Field(description="The same in words, and what can be done.")
    questions: int = Field(ge=1, description="How many questions; the local answers to them stand, where there are.")


class AnsweredBy(Frozen):
    """Which model answered how many questions (one question = one passage × one entity type)."""

    engine: str = Field(description="Kind of engine.")
    model: str = Field(description="The model.")
    questions: int = Field(ge=0, description="Questions that it answered.")
    cached: int = Field(ge=0, description="How many of these came from the cache.")
    input_tokens: int | None = Field(default=None, ge=0, description="Tokens that were sent to a teacher just now.")
    output_tokens: int | None = Field(default=None, ge=0, description="Tokens that the teacher wrote.")
    usd: float | None = Field(default=None, ge=0, description="What that cost in US dollars, by the policy's prices.")


class Extraction(Frozen):
    """The result of one request. What could not be done is listed, never left out silently."""

    entities: list[Entity] = Field(description="Entities in reading order.")
    unanswered: list[Unanswered] = Field(
        default_factory=list[Unanswered], description="Types not answered for some of the text."
    )
    ungrounded: int = Field(default=0, ge=0, description="Mentions dropped because they are not in the text.")
    truncated: bool = Field(
        default=False,
        description="True when entities are left out: beyond `limit`, or cut off in the model's answer.",
    )
    answered_by: list[AnsweredBy] = Field(default_factory=list[AnsweredBy], description="Who answered.")
    teacher_missing: list[TeacherMissing] | None = Field(
        default=None, description="Questions that were meant for the teacher but that it did not answer; null if none."
    )

    def to_html(self, text: str) -> str:
        """A page of its own, without network, that shows the entities in `text`: the text that was given."""
        from uniner_mcp.highlight import extraction_page

        return extraction_page(text, self.model_dump(mode="json", exclude_none=True))


class ExtractionRequest(Frozen):
    """Find every mention of the given entity types in a text, with exact character offsets and confidence.

    Any type can be asked. Ask all types of a text in one call. The result lists the entities in reading order
    (`text[start:end]` is the mention, offsets count Unicode code points), the types that could not be answered
    (`unanswered`), and whether `limit` cut the list (`truncated`).
    """

    text: str = Field(description="The text to read, of any length.")
    entity_types: list[str] | None = Field(
        default=None,
        description="Kinds of things to find, in plain singular words: 'person', 'gene', 'court', 'left-back'. "
        "Give this or `domain`.",
    )
    domain: str | None = Field(
        default=None,
        description="A domain of list_domains, whose usual types are then asked. Give this or entity_types.",
    )
    definitions: dict[str, str] | None = Field(
        default=None,
        description="What a type means, by its name, where the name alone does not say: {name: sentence}.",
    )
    min_confidence: float = Field(
        default=0.0,
        description="Leave out entities the model is less sure of, 0 to 1; those without a confidence stay.",
    )
    overlap: Overlap = Field(
        default="flat",
        description="flat: no two entities overlap, the best are kept; nested: only one inside another; "
        "all: everything that was found.",
    )
    limit: int | None = Field(default=None, description="At most so many entities, the first in the text.")


class Accuracy(Frozen):
    """What accuracy to expect from a model in a domain."""

    model: str = Field(description="The model.")
    f1: float = Field(ge=0, le=100, description="F1 in percent; how it was measured stands in `source`.")
    source: str = Field(description="Where the figure comes from.")


class Domain(Frozen):
    """A field of text with the entity types that are usual in it."""

    name: str = Field(description="Name to pass as `domain`.")
    description: str = Field(description="What texts it is for.")
    entity_types: list[str] = Field(description="The types that are asked when the domain is given.")
    accuracy: Accuracy | None = Field(default=None, description="What to expect from the loaded model.")


class DomainList(Frozen):
    """The catalogue of domains."""

    domains: list[Domain] = Field(description="All domains, by name.")
