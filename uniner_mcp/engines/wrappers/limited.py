"""An engine that limits the number of concurrent calls to the engine that it wraps."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from uniner_mcp.engines.base import Answer, Call, Engine, EngineInfo, Passage
from uniner_mcp.errors import SettingsError
from uniner_mcp.schema import EntityType


class Limited:
    """Runs at most `at_once` calls of `engine.answer` concurrently; further calls wait in order of arrival.

    Raises SettingsError if `at_once` is less than 1.
    """

    def __init__(self, engine: Engine, at_once: int) -> None:
        """Wrap `engine`, which is closed together with this one."""
        if at_once < 1:
            raise SettingsError(f"at_once must be at least 1, not {at_once}.")
        self._engine = engine
        self._places = asyncio.Semaphore(at_once)

    def info(self) -> EngineInfo:
        """Describe the wrapped engine."""
        return self._engine.info()

    async def answer(self, passage: Passage, types: Sequence[EntityType], call: Call | None = None) -> list[Answer]:
        """Return the wrapped engine's answers, once a place is free. Cancelling frees the place for the next call."""
        async with self._places:
            return await self._engine.answer(passage, types, call)

    async def aclose(self) -> None:
        """Close the wrapped engine."""
        await self._engine.aclose()
