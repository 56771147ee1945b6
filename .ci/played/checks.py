"""What a client must not lose: the declaration of the tool, the entities, the text of an error."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from model import Conversation


@dataclass(frozen=True)
class Reference:
    """What the server sends: the description and the schema of the tool, and the texts of the results by scenario."""

    description: str
    schema: Mapping[str, Any]
    results: Mapping[str, str]


def lost_of_tool(reference: Reference, tool: Mapping[str, Any] | None) -> list[str]:
    """What the model does not see of the tool."""
    if tool is None:
        return ["the tool"]
    lost = [] if _same_words(reference.description, tool["description"]) else ["description"]
    return lost + list(_lost_of_schema(reference.schema, tool["schema"], (reference.schema, tool["schema"]), ""))


def _lost_of_schema(
    sent: Mapping[str, Any], seen: Mapping[str, Any], roots: tuple[Mapping[str, Any], Mapping[str, Any]], path: str
) -> Iterator[str]:
    for name, given in (sent.get("properties") or {}).items():
        here = f"{path}.{name}".lstrip(".")
        shown = (seen.get("properties") or {}).get(name)
        if shown is None:
            yield here
            continue
        given, shown = _resolved(given, roots[0]), _resolved(shown, roots[1])
        if not _same_words(given.get("description", ""), shown.get("description", "")):
            yield f"{here}: description"
        one, other = _typed(given, roots[0]), _typed(shown, roots[1])
        if one.get("type") != other.get("type"):
            yield f"{here}: type"
            continue
        if one.get("enum", []) != other.get("enum", []):
            yield f"{here}: choices"
        yield from _lost_of_schema(one, other, roots, here)
        if "items" in one:
            pair = {"properties": {"[]": one["items"]}}, {"properties": {"[]": other.get("items", {})}}
            yield from _lost_of_schema(*pair, roots, here)


def _resolved(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in schema:
        return schema
    target: Any = root
    for part in schema["$ref"].lstrip("#/").split("/"):
        target = target[part]
    return {**target, **{key: value for key, value in schema.items() if key != "$ref"}}


def _typed(schema: Mapping[str, Any], root: Mapping[str, Any]) -> dict[str, Any]:
    """The schema with one plain type in lower case: APIs write `STRING`, `["string", "null"]` or `anyOf` with null."""
    choices = [_resolved(one, root) for one in schema.get("anyOf", [])]
    chosen = {**schema, **next((one for one in choices if one.get("type") != "null"), {})}
    types = chosen.get("type")
    types = [types] if isinstance(types, str) else types or []
    plain = [one.lower() for one in types if one.lower() != "null"]
    return {**chosen, "type": plain[0] if plain else None, "enum": [one for one in chosen.get("enum") or [] if one]}


def lost_of_call(conversation: Conversation) -> list[str]:
    """What the model does not see of a short result."""
    if conversation.result is None:
        return ["the result"]
    words = ["Marie Curie", "person", "Warsaw", "city"]
    return [word for word in words if word not in conversation.result] + ["success"] * conversation.is_error


def lost_of_error(reference: Reference, conversation: Conversation) -> list[str]:
    """What the model does not see of an error."""
    shown = conversation.result
    if shown is None:
        return ["the error"]
    return [] if _same_words(reference.results["error"], _unescaped(shown)) else ["its message"]


def _unescaped(text: str) -> str:
    """The strings of JSON in a text, as they are read."""
    return text + text.replace('\\"', '"').replace("\\n", "\n")


def _same_words(sent: str, seen: str) -> bool:
    return " ".join(sent.split()) in " ".join(str(seen).split())


def lost_of_large(reference: Reference, conversation: Conversation, scenario: str) -> list[str]:
    """What the model needs to see of a large result, however much the client shows: entities, and how to go on."""
    shown = conversation.result
    if shown is None:
        return ["the result"]
    facts = [fact for fact in ("truncated", "next_start") if f'"{fact}"' in reference.results[scenario]]
    return [word for word in ("Paul Langevin", *facts) if word not in shown]


def losses(reference: Reference, found: Mapping[str, Conversation]) -> dict[str, list[str]]:
    """Return what is lost in each respect."""
    return {
        "lists the tool": lost_of_tool(reference, found["call"].tool),
        "shows the entities": lost_of_call(found["call"]),
        "shows an error": lost_of_error(reference, found["error"]),
        "shows a page": lost_of_large(reference, found["page"], "page"),
        "shows a large result": lost_of_large(reference, found["large"], "large"),
    }


def shown_of(reference: Reference, found: Mapping[str, Conversation], scenario: str) -> str:
    """What the model sees of a result, for the table."""
    sent, seen = reference.results[scenario], found[scenario].result or ""
    whole, kept = (sum(text.count(name) for name in ("Curie", "Langevin", "Paris")) for text in (sent, seen))
    size = f"{len(seen):,} characters"
    if kept >= whole:
        return f"{'all of it' if kept == whole else 'each entity twice'}, {size}"
    return f"{kept} of {whole} entities, {size}"
