"""Asking the user for consent to send a text to a teacher, if that can improve the extraction (pure)."""

from __future__ import annotations

from uniner_mcp.errors import ExtractionError, NotSent
from uniner_mcp.schema import Extraction


def wants_consent(result: Extraction | ExtractionError) -> bool:
    """Return whether there are questions that were not sent to the teacher only because consent is missing."""
    if isinstance(result, Extraction):
        return any(missing.cause == "consent" for missing in result.teacher_missing or ())
    return any(isinstance(cause, NotSent) and cause.rule == "consent" for cause in result.causes)


def consent_question(characters: int, teacher: str) -> str:
    """Return the question to the user. It is the same whenever the request is repeated."""
    return (
        f"Not everything could be answered locally. May this text ({characters:,} characters) be sent to {teacher}? "
        "Your answer applies to this connection."
    )
