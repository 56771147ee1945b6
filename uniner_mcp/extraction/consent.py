"""Whether an extraction would be better if the person who asks let the text go to a teacher (pure)."""

from __future__ import annotations

from uniner_mcp.errors import ExtractionError, NotSent
from uniner_mcp.schema import Extraction


def wants_consent(result: Extraction | ExtractionError) -> bool:
    """Whether questions were kept from the teacher for want of consent, and nothing else."""
    if isinstance(result, Extraction):
        return any(missing.cause == "consent" for missing in result.teacher_missing or ())
    return any(isinstance(cause, NotSent) and cause.rule == "consent" for cause in result.causes)


def consent_question(characters: int, teacher: str) -> str:
    """What the person is asked, in words that do not change from try to try."""
    return (
        f"The model on this machine could not answer all of it. May this text ({characters:,} characters) be sent to "
        f"{teacher}? The answer holds for this connection."
    )
