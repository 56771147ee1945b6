"""What the failures of a server mean (pure). A server's own words may hold the caller's text: they are not repeated."""

from __future__ import annotations

import time
from contextlib import suppress
from email.utils import parsedate_to_datetime

from uniner_mcp.engines.generative.addresses import shown
from uniner_mcp.errors import EngineError

AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses after which another try may go better."""


class TryAgain(Exception):
    """What may go better at the next try: `reason` and `advice` for people, `after` the seconds the server asks for.

    `late` tells that time was up before there was an answer.
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
    """The server does not take the request as it stands."""


class NotFound(Exception):
    """The server has no such path, or no such model."""


def meaning(address: str, status: int, retry_after: str | None) -> Exception:
    """What a status means, with what its Retry-After header says."""
    if status in (404, 405):
        return NotFound()
    if status in (400, 422):
        return Refused()
    if status in (401, 403):
        return EngineError(f"the server at {shown(address)} refused the key ({status}): set `api_key` (UNINER_API_KEY)")
    if status in AGAIN:
        after = seconds_to_wait(retry_after)
        reason = f"answered {status}" + (f" and asks to wait {after:.0f} s" if after else "")
        return TryAgain(address, reason, "lower `requests_at_once`" if status == 429 else "its log says why", after)
    return EngineError(f"the server at {shown(address)} answered {status}: its log says why")


def seconds_to_wait(retry_after: str | None) -> float | None:
    """The seconds of a Retry-After header, which has a number or a date (RFC 9110, section 10.2.3)."""
    if retry_after is None:
        return None
    with suppress(ValueError):
        return max(0.0, float(retry_after))
    with suppress(ValueError):
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - time.time())
    return None
