"""All questions of one passage, as the teacher is asked them, and its reply as answers (pure)."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from functools import cache

from uniner_mcp.engines.base import TEACHER, Answer, EngineInfo, Mention
from uniner_mcp.engines.generative.conversation import Conversation
from uniner_mcp.engines.teacher import asking
from uniner_mcp.engines.teacher.chat import Reply
from uniner_mcp.engines.teacher.policy import Policy
from uniner_mcp.engines.teacher.redaction import Redactable, redact
from uniner_mcp.errors import AnswerCut, AnswerRefused, EngineError, UnreadableAnswer
from uniner_mcp.schema import EntityType
from uniner_mcp.shipped import load_prompt

CONTEXT_BUDGET = 1500
"""Units of a passage where nothing but the teacher reads it."""


def teacher_info(policy: Policy) -> EngineInfo:
    """What is to be known of the teacher of a policy, which has one."""
    assert policy.teacher is not None
    teacher = policy.teacher
    parts = (teacher.model, teacher.base_url, dict(teacher.options), policy.send.redact, load_prompt(asking.PROMPT))
    fingerprint = f"{TEACHER}-{hashlib.sha256(repr(parts).encode()).hexdigest()[:24]}"
    return EngineInfo(TEACHER, teacher.model, fingerprint, CONTEXT_BUDGET, True, policy.who())


@cache
def _conversation() -> Conversation:
    return asking.conversation()


class Questions:
    """What is to be redacted is taken out of text, names and definitions, and put back into the mentions.

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
        self.messages = asking.messages(_conversation(), self._redacted.text, asked)
        self.response_format = asking.response_format(types)

    def answers(self, reply: Reply) -> list[Answer]:
        """One answer per type, in their order: refusals, cuts and what cannot be read are told apart."""
        if reply.refused is not None:
            return self.failed(AnswerRefused(reply.refused))
        found = asking.read_mentions(reply.content or "", cut=reply.cut)
        if found is None or not (found or reply.cut):
            return self.failed(UnreadableAnswer(f"the answer of {self._who} was not in the form that was asked for"))
        last = max(found, default=0) if reply.cut else 0
        missing: EngineError = UnreadableAnswer(f"{self._who} left the question out of its answer")
        if reply.cut:
            missing = AnswerCut(f"{self._who} was cut off at its longest answer: raise `max_answer_tokens`")
        return [
            self._answer(kind, found[number], truncated=number == last)
            if number in found
            else Answer(kind, (), self._provenance, failure=missing)
            for number, kind in enumerate(self.types, start=1)
        ]

    def failed(self, failure: EngineError) -> list[Answer]:
        """The same failure for each question."""
        return [Answer(kind, (), self._provenance, failure=failure) for kind in self.types]

    def _answer(self, kind: EntityType, said: Sequence[str], *, truncated: bool) -> Answer:
        mentions = (Mention(self._redacted.restored(_conversation().mended(mention))) for mention in said)
        return Answer(kind, tuple(mentions), self._provenance, truncated=truncated)


def _without(words: str, kinds: Collection[Redactable]) -> str:
    """The words with placeholders that have no number: those with one belong to the passage."""
    redacted = redact(words, kinds)
    text = redacted.text
    for placeholder in redacted.originals:
        text = text.replace(placeholder, f"{placeholder.partition('_')[0]}]")
    return text
