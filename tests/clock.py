"""Time that passes as a test wants it: limits run out without waiting, and never because the machine is busy."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from engines.fault_server import Fault, Reply, stuck

LIMIT = 60.0
"""Seconds of a limit that runs out in a test: far more than any call takes that is answered."""


class Clock:
    """Moves the time of the process, which asyncio goes by too. What sleeps wakes at once, and its time has passed."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        monotonic, sleep = time.monotonic, asyncio.sleep
        self._ahead = 0.0
        self.slept: list[float] = []

        async def sleep_at_once(delay: float, result: Any = None) -> Any:
            self.slept.append(delay)
            self.advance(max(delay, 0.0))
            return await sleep(0, result)

        patch.setattr(time, "monotonic", lambda: monotonic() + self._ahead)
        patch.setattr(asyncio, "sleep", sleep_at_once)

    def advance(self, seconds: float) -> None:
        """So much time passes now."""
        self._ahead += seconds

    def never_replies(self, seconds: float = LIMIT) -> Fault:
        """A fault: no reply comes, and so much time passes from the first request on."""
        over: float | None = None

        def fault(path: str, body: dict[str, Any]) -> Reply:
            nonlocal over
            over = over or time.monotonic() + seconds
            self.advance(max(over - time.monotonic(), 0.0))
            return stuck(path, body)

        return fault
