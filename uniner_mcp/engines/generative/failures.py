"""The meaning of a server's failures (pure). Its messages may contain the caller's text and are not repeated."""

from __future__ import annotations

import time
from contextlib import suppress
from email.utils import parsedate_to_datetime

from uniner_mcp.engines.generative.addresses import shown
from uniner_mcp.errors import EngineError

AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Status codes after which a retry may succeed."""


class TryAgain(Exception):
    """A failure that a retry may overcome.

    `reason` and `advice` are for users, `after` is the number of seconds that the server asks to wait. `late` means
    that time was up before there was an answer.
    """

    def __init__(
        self, address: str, reason: str, advice: str, after: float | None = None, *, late: bool = False
    ) -> None:
        super().__init__(reason)
        self.address = address
        self.reason = reason
        self.advice = advice
        self.after = after
        self.late = late


class Refused(Exception):
    """The server does not accept the request in this form."""


class NotFound(Exception):
    """The server does not have this path or this model."""


def meaning(address: str, status: int, retry_after: str | None) -> Exception:
    """Return the error for a status code, with the waiting time of the Retry-After header."""
    if status in (404, 405):
        return NotFound()
    if status in (400, 422):
        return Refused()
    if status in (401, 403):
        return EngineError(f"the server at {shown(address)} refused the key ({status}): set `api_key` (UNINER_API_KEY)")
    if status in AGAIN:
        after = seconds_to_wait(retry_after)
        reason = f"answered {status}" + (f" and asks to wait {after:.0f} s" if after else "")
        return TryAgain(address, reason, "lower `requests_at_once`" if status == 429 else "see its log", after)
    return EngineError(f"the server at {shown(address)} answered {status}: see its log")


def seconds_to_wait(retry_after: str | None) -> float | None:
    """Return the seconds of a Retry-After header, which is a number or a date (RFC 9110, section 10.2.3)."""
    if retry_after is None:
        return None
    with suppress(ValueError):
        return max(0.0, float(retry_after))
    with suppress(ValueError):
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - time.time())
    return None
