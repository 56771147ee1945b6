"""All questions of one passage as one request to the teacher, and its reply as answers (pure)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from typing import cast

from pydantic_core import from_json

from uniner_mcp.engines.base import TEACHER, Answer, EngineInfo, Mention
from uniner_mcp.engines.generative.conversation import Conversation, read_messages
from uniner_mcp.engines.teacher.chat import Reply
from uniner_mcp.engines.teacher.policy import Policy
from uniner_mcp.engines.teacher.redaction import Redactable, redact
from uniner_mcp.errors import AnswerCut, AnswerRefused, EngineError, UnreadableAnswer
from uniner_mcp.schema import EntityType
from uniner_mcp.shipped import load_prompt

PROMPT = "teacher"
CONTEXT_BUDGET = 1500
"""Longest passage, in units, where only the teacher reads it."""


def teacher_info(policy: Policy) -> EngineInfo:
    """Describe the teacher of a policy that has one."""
    assert policy.teacher is not None
    teacher = policy.teacher
    parts = (teacher.model, teacher.base_url, dict(teacher.options), policy.send.redact, load_prompt(PROMPT))
    fingerprint = f"{TEACHER}-{hashlib.sha256(repr(parts).encode()).hexdigest()[:24]}"
    return EngineInfo(TEACHER, teacher.model, fingerprint, CONTEXT_BUDGET, True, policy.who())


class Questions:
    """The questions of one passage, redacted.

    Sensitive values are taken out of the text, the type names and the definitions, and put back into the mentions.
    `messages` and `response_format` are those of the request.
    """

    def __init__(self, policy: Policy, info: EngineInfo, text: str, types: Sequence[EntityType]) -> None:
        kinds = policy.send.redact
        self.types = types
        self._who = policy.who()
        self._provenance = info.provenance()
        self._redacted = redact(text, kinds)
        asked = [
            EntityType(
                name=_without(kind.name, kinds),
                definition=_without(kind.definition, kinds) if kind.definition is not None else None,
            )
            for kind in types
        ]
        self.messages = messages(self._redacted.text, asked)
        self.response_format = response_format(types)

    def answers(self, reply: Reply) -> list[Answer]:
        """Return one answer per type, in order; refusals, truncation and unreadable replies are told apart."""
        if reply.refused is not None:
            return self.failed(AnswerRefused(reply.refused))
        found = read_mentions(reply.content or "", cut=reply.cut)
        if found is None or not (found or reply.cut):
            return self.failed(UnreadableAnswer(f"the reply of {self._who} was not in the requested format"))
        last = max(found, default=0) if reply.cut else 0
        missing: EngineError = UnreadableAnswer(f"the reply of {self._who} did not answer this question")
        if reply.cut:
            missing = AnswerCut(f"{self._who} reached the length limit of its reply: raise `max_answer_tokens`")
        return [
            self._answer(kind, found[number], truncated=number == last)
            if number in found
            else Answer(kind, (), self._provenance, failure=missing)
            for number, kind in enumerate(self.types, start=1)
        ]

    def failed(self, failure: EngineError) -> list[Answer]:
        """Return the same failure for each question."""
        return [Answer(kind, (), self._provenance, failure=failure) for kind in self.types]

    def _answer(self, kind: EntityType, said: Sequence[str], *, truncated: bool) -> Answer:
        mentions = (Mention(self._redacted.restored(_conversation().mended(mention))) for mention in said)
        return Answer(kind, tuple(mentions), self._provenance, truncated=truncated)


def messages(text: str, types: Sequence[EntityType]) -> list[dict[str, str]]:
    """Return the messages of the chat: the text, then the questions, numbered from 1."""
    questions = {str(number): _question(kind) for number, kind in enumerate(types, start=1)}
    prompt = _conversation().string_prompt(text, json.dumps(questions, ensure_ascii=False))
    return [{"role": turn.role, "content": turn.content} for turn in prompt.messages]


def response_format(types: Sequence[EntityType]) -> dict[str, object]:
    """Return the JSON schema of the reply: a list of strings for the number of each question.

    It contains nothing from the caller, because providers cache schemas.
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
    """Return the mentions by question number, or None if the reply is not a JSON object.

    Of a truncated reply (`cut`), the complete part is read. A list that contains anything but strings is left out.
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


@cache
def _conversation() -> Conversation:
    """The teacher's prompt, in which `{type}` is all questions by number."""
    return Conversation(None, read_messages(load_prompt(PROMPT).template))


def _question(kind: EntityType) -> str:
    return f"{kind.name}: {kind.definition}" if kind.definition else kind.name


def _strings(mentions: object) -> list[str] | None:
    if not isinstance(mentions, list):
        return None
    items = cast("list[object]", mentions)
    strings = [item for item in items if isinstance(item, str)]
    return strings if len(strings) == len(items) else None


def _without(words: str, kinds: Collection[Redactable]) -> str:
    """Redact with placeholders that have no number: numbered ones belong to the passage."""
    redacted = redact(words, kinds)
    text = redacted.text
    for placeholder in redacted.originals:
        text = text.replace(placeholder, f"{placeholder.partition('_')[0]}]")
    return text
