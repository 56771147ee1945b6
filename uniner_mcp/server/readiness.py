"""Whether the engine can answer, for `/ready`."""

from __future__ import annotations

import asyncio
import time

from uniner_mcp.errors import CircuitOpen, EngineError, EngineTimeout, EngineUnavailable
from uniner_mcp.extraction.extractor import Extractor

ANSWER_S = 5.0
"""Seconds in which the engine must answer."""
KNOWN_S = 5.0
"""Seconds for which the outcome is reported again without asking."""
_LATE = f"The engine did not answer a test question within {ANSWER_S:g} seconds: its model is loading, or it is down."
_REASONS: dict[type[EngineError], str] = {
    CircuitOpen: "The engine failed repeatedly and is suspended for a while.",
    EngineTimeout: _LATE,
    EngineUnavailable: "The engine cannot be reached, or its model cannot be loaded: run uniner-mcp doctor.",
}
_OTHER = "The engine cannot answer: run uniner-mcp doctor."


class Readiness:
    """Asks the engine a tiny question.

    Nothing else shows that it can answer: a process may run, a server may list its models, and files may have the right
    hashes while every question fails. The question is not taken from the cache, does not wait behind those of clients,
    and never goes to a teacher, which would cost money. Reasons contain neither paths nor addresses: everybody who
    reaches the port can read them.
    """

    def __init__(self, extractor: Extractor) -> None:
        self._extractor = extractor
        self._asking = asyncio.Lock()
        self._until = 0.0
        self._reason: str | None = None

    async def reason(self) -> str | None:
        """Return why the engine cannot answer, or None if it can."""
        async with self._asking:
            if time.monotonic() >= self._until:
                self._reason = await self._ask()
                self._until = time.monotonic() + KNOWN_S
            return self._reason

    async def _ask(self) -> str | None:
        try:
            async with asyncio.timeout(ANSWER_S):
                await self._extractor.check()
        except TimeoutError:
            return _LATE
        except EngineError as error:
            return next((said for kind, said in _REASONS.items() if isinstance(error, kind)), _OTHER)
        return None
