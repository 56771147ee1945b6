"""The arguments of the tools, as they are published and as they are read.

Many clients pass on only the plainest JSON Schema. So each argument has one `type` and a description, optional ones are
simply not `required`, and no name is a keyword of JSON Schema. What arrives is read generously (`arguments`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, cast, get_args

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema, field_validator, model_validator
from pydantic.json_schema import SkipJsonSchema

from uniner_mcp.arguments import (
    is_absent,
    limit_of,
    meanings_by_type,
    result_form,
    type_names,
    unknown_arguments,
    unknown_note,
)
from uniner_mcp.schema import Overlap, ResultForm

OLD_MEANINGS = (
    "`definitions` will not be accepted in the next version: use `meanings`, a list such as "
    "[{'type': 'left-back', 'meaning': 'a defender on the left side'}]."
)


def _plain(schema: dict[str, Any]) -> None:
    """Leave out of a schema what repeats the name or the description, or what clients do not pass on."""
    for name in ("title", "description", "additionalProperties"):
        schema.pop(name, None)
    properties: dict[str, Any] = schema["properties"]
    for argument in properties.values():
        argument.pop("title", None)
    # What a tool needs comes first.
    needed = schema.get("required", [])
    schema["properties"] = {name: properties[name] for name in sorted(properties, key=lambda name: name not in needed)}


class Meaning(BaseModel):
    """What an entity type means."""

    model_config = ConfigDict(frozen=True, json_schema_extra=_plain)

    type: str = Field(description="Name of the type, as in entity_types.")
    meaning: str = Field(description="What it means, in one sentence.")


class ExtractionOptions(BaseModel):
    """What to find and how to report it.

    An absent argument may also be null or empty. Unknown arguments are reported by `notes`, or refused if they seem to
    be known ones under another name.
    """

    # Unknown arguments are kept for `notes`.
    model_config = ConfigDict(frozen=True, extra="allow", json_schema_extra=_plain)

    # A default from a factory is not published: nearly all clients and models take absence for what it is.
    entity_types: list[str] = Field(
        default_factory=list[str],
        description=(
            "Entity types to find, in plain singular words: 'person', 'gene', 'court', 'left-back'. "
            "Give either this or `domain`."
        ),
    )
    domain: str = Field(
        default_factory=str,
        description=(
            "Name of a domain from list_domains: finds its usual entity types. Give either this or `entity_types`."
        ),
    )
    meanings: Annotated[list[Meaning], WithJsonSchema({"type": "array", "items": Meaning.model_json_schema()})] = Field(
        default_factory=list[Meaning],
        description="What types mean whose names are not clear on their own; each is one of the requested types.",
    )
    definitions: SkipJsonSchema[list[Meaning]] = Field(default_factory=list[Meaning])
    min_confidence: float = Field(
        default_factory=float,
        description="Omit entities with a lower confidence (0 to 1). Entities without a confidence are kept.",
    )
    # Strings, so that our own errors list the choices.
    overlap: str = Field(
        default="flat",
        description=(
            "Which entities may overlap. flat: none, the most specific credible type is kept (novelist rather than "
            "person), otherwise the most confident; nested: only one inside another; "
            "all: any."
        ),
        json_schema_extra={"enum": list(get_args(Overlap))},
    )
    limit: int = Field(
        default_factory=int,
        description="List at most this many, from the beginning of the text; the result says where to go on.",
    )
    start: int = Field(
        default_factory=int,
        description=(
            "Report only what begins at this offset or later: `next_start` of the previous result, to go on in the "
            "same text."
        ),
    )
    result: str = Field(
        default="entities",
        description=(
            "What to list. entities: each one with its offsets; mentions: each distinct mention with its count and "
            "first offset, which is much shorter; counts: only the number of entities of each type."
        ),
        json_schema_extra={"enum": list(get_args(ResultForm))},
    )

    @model_validator(mode="before")
    @classmethod
    def _given(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        arguments = cast("Mapping[str, object]", given)
        # Raises an error for misspelt names.
        unknown_arguments(arguments, list(cls.model_fields))
        needed = {name for name, field in cls.model_fields.items() if field.is_required()}
        return {name: value for name, value in arguments.items() if name in needed or not is_absent(value)}

    @field_validator("entity_types", mode="before")
    @classmethod
    def _names(cls, given: object) -> object:
        return type_names(given)

    @field_validator("meanings", "definitions", mode="before")
    @classmethod
    def _meanings(cls, given: object) -> object:
        return [Meaning(type=kind, meaning=meaning) for kind, meaning in meanings_by_type(given).items()]

    @field_validator("limit")
    @classmethod
    def _limit(cls, given: int) -> int:
        return limit_of(given)

    @field_validator("result")
    @classmethod
    def _form(cls, given: str) -> str:
        return result_form(given)

    @property
    def notes(self) -> list[str]:
        """What to tell the caller about the arguments."""
        known = [name for name in type(self).model_fields if name != "definitions"]
        unknown = unknown_arguments(self.model_extra or {}, known)
        return [OLD_MEANINGS] * bool(self.definitions) + ([unknown_note(unknown, known)] if unknown else [])

    def asked(self) -> dict[str, Any]:
        """Return what `Extractor.extract` takes of this. How the result is reported (`limit`, `result`) is left."""
        return {
            "entity_types": self.entity_types,
            "domain": self.domain,
            "meanings": self.meanings or self.definitions,
            "min_confidence": self.min_confidence,
            "overlap": self.overlap,
            "start": self.start,
        }


class ExtractionRequest(ExtractionOptions):
    """Find every mention of the given entity types in a text, with exact character offsets and confidence.

    Any entity type works. Request all types for a text in one call. The result reports first what is missing
    (`truncated`, `unanswered`, `ungrounded`, `warnings`), then lists the entities in reading order (`text[start:end]`
    is the mention; offsets count Unicode code points). If it has `next_start`, call again with the same arguments and
    that as `start`.
    """

    text: str = Field(
        description=(
            "The text to search: up to 1,000,000 characters, unless the operator changed that limit (setting "
            "`max_text_chars`)."
        )
    )


class FileRequest(ExtractionOptions):
    """Find every mention of the given entity types in a file, without copying its text into the call.

    It reads plain text, Markdown, HTML, PDF, DOCX, e-mail (EML) and CSV. The arguments are those of extract_entities,
    with a path instead of the text. The result lists the files that were read, and each entity with its line and, in a
    PDF, its page. Offsets count in the text that the resource `uri` contains. For an overview of a long file ask for
    result 'mentions'. If the result has `next_start`, call again with the same arguments and that as `start`.
    """

    path: str = Field(
        description=(
            "Path of the file, below a folder that the operator allowed, or a pattern such as 'reports/*.pdf' or "
            "'**/*.md', whose files are read in the order of their names."
        )
    )
