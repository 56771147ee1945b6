"""The published schema of the arguments is one that every client passes on, and what comes back is read."""

from __future__ import annotations

import re
from typing import Any

import pytest
from pydantic import ValidationError

import uniner_mcp.schema
from uniner_mcp.arguments import faults
from uniner_mcp.requests import ExtractionRequest

SCHEMA = ExtractionRequest.model_json_schema()
ARGUMENTS: dict[str, Any] = SCHEMA["properties"]
TEXT = "Maria Keller left Berlin."
KEYWORDS = """$schema $id $ref $defs $anchor $comment type enum const properties required items prefixItems
additionalProperties patternProperties dependentSchemas dependentRequired propertyNames anyOf oneOf allOf not if then
else definitions default description title examples format pattern minimum maximum minLength maxLength minItems maxItems
uniqueItems contains deprecated readOnly writeOnly"""


def objects(schema: dict[str, Any]) -> list[dict[str, Any]]:
    """The schema and all schemas in it."""
    inner = [*schema.get("properties", {}).values(), *([schema["items"]] if "items" in schema else [])]
    return [schema, *(one for part in inner for one in objects(part))]


def strict(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema as clients make it fit OpenAI's strict mode: everything required, nothing else allowed."""
    schema = {name: value for name, value in schema.items() if name != "default"}
    if "properties" in schema:
        properties = {name: strict(part) for name, part in schema["properties"].items()}
        schema |= {"properties": properties, "required": list(properties), "additionalProperties": False}
    if "items" in schema:
        schema["items"] = strict(schema["items"])
    return schema


def test_every_argument_has_one_plain_type_and_a_description() -> None:
    for argument in ARGUMENTS.values():
        assert argument["description"] and argument["type"] in ("string", "number", "integer", "array")
        assert argument.keys() <= {"type", "description", "items", "enum", "default"}


def test_only_the_text_is_required_and_comes_first() -> None:
    assert SCHEMA["required"] == ["text"] and next(iter(ARGUMENTS)) == "text"


def test_no_argument_is_named_like_a_keyword_of_json_schema() -> None:
    assert not ARGUMENTS.keys() & {*KEYWORDS.split()}


def test_no_schema_refers_to_another_or_leaves_a_choice_of_types() -> None:
    for schema in objects(SCHEMA):
        assert isinstance(schema["type"], str)
        assert not schema.keys() & {"anyOf", "oneOf", "allOf", "$ref", "$defs", "title", "additionalProperties"}
        assert schema.get("default", "") is not None
        assert schema["type"] != "object" or schema["properties"]


def test_a_call_that_fills_in_every_argument_as_strict_mode_wants_is_read() -> None:
    wanted = strict(SCHEMA)
    assert wanted["required"] == list(ARGUMENTS)
    # The supported keywords: https://platform.openai.com/docs/guides/structured-outputs#supported-schemas
    supported = {"type", "description", "enum", "properties", "required", "additionalProperties", "items"}
    assert all(schema.keys() <= supported for schema in objects(wanted))
    empty: dict[str, Any] = {"string": "", "number": 0, "integer": 0, "array": []}
    filled = {name: argument.get("enum", [empty[argument["type"]]])[0] for name, argument in ARGUMENTS.items()}
    request = ExtractionRequest(**filled | {"text": TEXT, "entity_types": ["person"]})
    assert request == ExtractionRequest(text=TEXT, entity_types=["person"])


@pytest.mark.parametrize("absent", [None, "", [], {}])
def test_an_optional_argument_may_be_absent_in_other_words(absent: object) -> None:
    given = {name: absent for name in [*ARGUMENTS, "definitions"] if name != "text"}
    assert ExtractionRequest(text=TEXT, **given) == ExtractionRequest(text=TEXT)  # type: ignore[arg-type]


def test_types_and_meanings_are_read_in_all_their_forms() -> None:
    request = ExtractionRequest.model_validate(
        {"text": TEXT, "entity_types": "person, city", "meanings": {"city": "a town"}}
    )
    assert request.asked()["entity_types"] == ["person", "city"] and not request.notes
    assert [(one.type, one.meaning) for one in request.asked()["meanings"]] == [("city", "a town")]


def test_the_former_name_of_meanings_is_read_and_noted() -> None:
    request = ExtractionRequest.model_validate({"text": TEXT, "definitions": {"city": "a town", "person": None}})
    assert [(one.type, one.meaning) for one in request.asked()["meanings"]] == [("city", "a town")]
    assert re.search("`definitions` will not be accepted .* use `meanings`", request.notes[0])


def test_unknown_arguments_are_noted_with_the_known_ones() -> None:
    (note,) = ExtractionRequest.model_validate({"text": TEXT, "verbose": True, "sessionId": "4"}).notes
    assert "`verbose`" in note and "`meanings`" not in note and "meanings" in note and "definitions" not in note


@pytest.mark.parametrize(
    ("given", "advice"),
    [
        ({}, "`text`: Field required"),
        ({"text": None}, "`text`: Input should be a valid string"),
        ({"text": [TEXT]}, "`text`: Input should be a valid string"),
        ({"text": TEXT, "entity_type": ["person"]}, "There is no argument `entity_type`: did you mean `entity_types`?"),
        ({"text": TEXT, "entity_types": [TEXT, 5]}, "`entity_types`: Input should be a valid string"),
        ({"text": TEXT, "meanings": TEXT}, "`meanings` must be a list such as"),
        ({"text": TEXT, "limit": TEXT}, "`limit`: Input should be a valid integer"),
        ([TEXT], "valid dictionary"),
    ],
)
def test_a_fault_is_named_without_the_callers_words(given: object, advice: str) -> None:
    with pytest.raises(ValidationError) as caught:
        ExtractionRequest.model_validate(given)
    assert advice in faults(caught.value) and "Maria" not in faults(caught.value)


def test_the_request_is_still_found_in_its_former_place() -> None:
    assert getattr(uniner_mcp.schema, "ExtractionRequest") is ExtractionRequest  # noqa: B009
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        getattr(uniner_mcp.schema, "Nothing")  # noqa: B009
