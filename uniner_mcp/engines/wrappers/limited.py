"""An engine that lets only so many calls at once into the engine that it wraps."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from uniner_mcp.engines.base import Answer, Call, Engine, EngineInfo, Passage
from uniner_mcp.errors import SettingsError
from uniner_mcp.schema import EntityType


class Limited:
    """At most `at_once` calls of `answer` run in `engine`; the others wait their turn, first come, first served.

    Raises SettingsError where `at_once` is less than 1.
    """

    def __init__(self, engine: Engine, at_once: int) -> None:
        """Wrap `engine`, which is closed together with this one."""
        if at_once < 1:
            raise SettingsError(f"at_once must be at least 1, not {at_once}.")
        self._engine = engine
        self._places = asyncio.Semaphore(at_once)

    def info(self) -> EngineInfo:
        """What is to be known of the wrapped engine."""
        return self._engine.info()

    async def answer(self, passage: Passage, types: Sequence[EntityType], call: Call | None = None) -> list[Answer]:
        """The wrapped engine's answers, once there is a place. Cancelling gives the place, or the turn, to the next."""
        async with self._places:
            return await self._engine.answer(passage, types, call)

    async def aclose(self) -> None:
        """Close the wrapped engine."""
        await self._engine.aclose()
