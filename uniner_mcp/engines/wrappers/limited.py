"""An engine that limits the number of concurrent calls to the engine that it wraps, and shares them among requests."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Sequence

from uniner_mcp.engines.base import Answer, Call, Engine, EngineInfo, Passage
from uniner_mcp.errors import SettingsError
from uniner_mcp.schema import EntityType


class Limited:
    """Runs at most `at_once` calls of `engine.answer` concurrently; further calls wait.

    The next call is one of the request that has the fewest running, so that a document does not delay a short text; of
    equal requests, the one whose call waits longest. Raises SettingsError if `at_once` is less than 1.
    """

    def __init__(self, engine: Engine, at_once: int) -> None:
        """Wrap `engine`, which is closed together with this one."""
        if at_once < 1:
            raise SettingsError(f"at_once must be at least 1, not {at_once}.")
        self._engine = engine
        self._free = at_once
        self._running: Counter[int] = Counter()
        # The calls that wait, by request; a request that has just begun to wait is last.
        self._waiting: dict[int, deque[asyncio.Future[None]]] = {}

    def info(self) -> EngineInfo:
        """Describe the wrapped engine."""
        return self._engine.info()

    async def answer(self, passage: Passage, types: Sequence[EntityType], call: Call | None = None) -> list[Answer]:
        """Return the wrapped engine's answers, once a place is free. Cancelling frees the place for the next call."""
        call = call or Call()
        if call.trial:
            return await self._engine.answer(passage, types, call)
        request = id(call.account)  # Each request has an account of its own.
        await self._enter(request)
        try:
            return await self._engine.answer(passage, types, call)
        finally:
            self._leave(request)

    async def aclose(self) -> None:
        """Close the wrapped engine."""
        await self._engine.aclose()

    async def _enter(self, request: int) -> None:
        if self._free:
            self._take(request)
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(request, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():
                self._leave(request)  # The turn came at the same time.
            raise

    def _take(self, request: int) -> None:
        self._free -= 1
        self._running[request] += 1

    def _leave(self, request: int) -> None:
        self._free += 1
        self._running[request] -= 1
        if not self._running[request]:
            del self._running[request]
        while self._waiting and self._free:
            # `min` returns the first of equal requests, which has waited longest.
            following = min(self._waiting, key=lambda waiting: self._running[waiting])
            turns = self._waiting.pop(following)
            turn = turns.popleft()
            if turns:
                self._waiting[following] = turns
            if not turn.cancelled():
                self._take(following)
                turn.set_result(None)
