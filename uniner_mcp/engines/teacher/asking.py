"""What a teacher is asked and how its answer is read (pure): one call for all open questions of a passage."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import cast

from pydantic_core import from_json

from uniner_mcp.engines.generative.conversation import Conversation, read_messages
from uniner_mcp.schema import EntityType
from uniner_mcp.shipped import load_prompt

PROMPT = "teacher"


def conversation() -> Conversation:
    """The words in which a teacher is asked; `{type}` in them is all questions, by number."""
    return Conversation(None, read_messages(load_prompt(PROMPT).template))


def messages(asked: Conversation, text: str, types: Sequence[EntityType]) -> list[dict[str, str]]:
    """The turns of the chat: the text, then the questions, numbered from 1."""
    questions = {str(number): _question(kind) for number, kind in enumerate(types, start=1)}
    prompt = asked.string_prompt(text, json.dumps(questions, ensure_ascii=False))
    return [{"role": turn.role, "content": turn.content} for turn in prompt.messages]


def response_format(types: Sequence[EntityType]) -> dict[str, object]:
    """The JSON schema of the answer: a list of strings for the number of each question.

    It holds no word of the caller, so that the server's own cache of schemas learns nothing.
    """
    numbers = [str(number) for number in range(1, len(types) + 1)]
    listed = {"type": "array", "items": {"type": "string"}}
    schema = {
        "type": "object",
        "properties": dict.fromkeys(numbers, listed),
        "required": numbers,
        "additionalProperties": False,
    }
    return {"type": "json_schema", "json_schema": {"name": "mentions", "strict": True, "schema": schema}}


def read_mentions(content: str, *, cut: bool) -> Mapping[int, list[str]] | None:
    """The mentions by the number of their question, or None where the answer is no JSON object.

    Of an answer that was cut off (`cut`) what is whole is read. A list that holds anything but strings is left out.
    """
    begin, end = content.find("{"), content.rfind("}") + 1
    if begin < 0:
        return None
    try:
        found = from_json(content[begin:] if cut else content[begin:end], allow_partial=cut)
    except ValueError:
        return None
    lists = cast("dict[str, object]", found) if isinstance(found, dict) else {}
    return {
        int(number): said
        for number, mentions in lists.items()
        if number.isascii() and number.isdigit() and (said := _strings(mentions)) is not None
    }


def _question(kind: EntityType) -> str:
    return f"{kind.name}: {kind.definition}" if kind.definition else kind.name


def _strings(mentions: object) -> list[str] | None:
    if not isinstance(mentions, list):
        return None
    items = cast("list[object]", mentions)
    strings = [item for item in items if isinstance(item, str)]
    return strings if len(strings) == len(items) else None
