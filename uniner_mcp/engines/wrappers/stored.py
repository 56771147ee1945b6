"""The bytes of a stored answer: a check, and the answer as JSON.

Whatever else a cache returns, such as a damaged value or that of another question, is not an answer.
"""

from __future__ import annotations

import hashlib

import orjson
from pydantic import TypeAdapter, ValidationError

from uniner_mcp.engines.base import Answer, Mention, Passage, Provenance
from uniner_mcp.schema import EntityType

_Stored = tuple[str, str, str, tuple[tuple[str, tuple[int, int] | None, float | None], ...]]
_STORED: TypeAdapter[_Stored] = TypeAdapter(_Stored)
_CHECK_BYTES = 8


def encoded(key: str, passage: Passage, answer: Answer) -> bytes | None:
    """Return the answer to the question with this key as bytes, or None if `decoded` would not accept it."""
    by = answer.provenance
    if not _is_about(passage, answer.mentions):
        return None
    mentions = [(mention.text, mention.span, mention.confidence) for mention in answer.mentions]
    try:
        content = orjson.dumps((by.engine, by.model, by.fingerprint, mentions))
    except orjson.JSONEncodeError:
        return None
    return _check(key, content) + content


def decoded(key: str, passage: Passage, type: EntityType, value: bytes) -> Answer | None:
    """Return the stored answer, or None if the value is not a valid answer to the question with this key."""
    check, content = value[:_CHECK_BYTES], value[_CHECK_BYTES:]
    if check != _check(key, content):
        return None
    try:
        engine, model, fingerprint, stored = _STORED.validate_json(content, strict=True)
    except ValidationError:
        return None
    mentions = tuple(Mention(*mention) for mention in stored)
    if not _is_about(passage, mentions):
        return None
    return Answer(type, mentions, Provenance(engine, model, fingerprint, cached=True))


def _check(key: str, content: bytes) -> bytes:
    return hashlib.sha256(key.encode() + content).digest()[:_CHECK_BYTES]


def _is_about(passage: Passage, mentions: tuple[Mention, ...]) -> bool:
    """Whether confidences are 0 to 1, and spans lie in the passage and contain the text of their mention."""
    return all(
        (mention.confidence is None or 0 <= mention.confidence <= 1)
        and (mention.span is None or _is_at(passage.text, mention.text, *mention.span))
        for mention in mentions
    )


def _is_at(text: str, mention: str, start: int, end: int) -> bool:
    return 0 <= start <= end <= len(text) and text[start:end] == mention
