"""A circuit breaker: an engine that does not call the engine that it wraps while that one is broken."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence

from uniner_mcp.engines.base import Answer, Call, Engine, EngineInfo, Passage
from uniner_mcp.errors import CircuitOpen, EngineTimeout, EngineUnavailable
from uniner_mcp.schema import EntityType

logger = logging.getLogger(__name__)

_BROKEN = (EngineUnavailable, EngineTimeout)
"""Failures of the engine itself; an unreadable or refused answer comes from an engine that works."""


class Breaking:
    """Passes calls on until `failures` consecutive calls return or raise only EngineUnavailable and EngineTimeout.

    Then the circuit is open: questions fail immediately with CircuitOpen for `pause_s` seconds. After that, one call is
    passed on as a trial while the others still fail: if it is answered, the circuit closes, otherwise the pause starts
    again. If the trial takes longer than another pause, so that the engine may have lost it, the next call is a trial
    too. A cancelled call does not count.
    """

    def __init__(self, engine: Engine, failures: int, pause_s: float) -> None:
        """Wrap `engine`, which is closed together with this one."""
        self._engine = engine
        self._most = failures
        self._pause = pause_s
        self._failed = 0
        self._open_until = 0.0

    def info(self) -> EngineInfo:
        """Describe the wrapped engine."""
        return self._engine.info()

    async def answer(self, passage: Passage, types: Sequence[EntityType], call: Call | None = None) -> list[Answer]:
        """Return the wrapped engine's answers, or CircuitOpen for each question."""
        is_open = self._failed >= self._most
        if is_open:
            if time.monotonic() < self._open_until:
                return self._rejected(types)
            self._open_until = time.monotonic() + self._pause
        try:
            answers = await self._engine.answer(passage, types, call)
            self._note(bool(answers) and all(isinstance(answer.failure, _BROKEN) for answer in answers))
            return answers
        except _BROKEN:
            self._note(True)
            raise
        except BaseException:
            if is_open:
                self._open_until = 0.0
            raise

    async def aclose(self) -> None:
        """Close the wrapped engine."""
        await self._engine.aclose()

    def _note(self, broken: bool) -> None:
        name = self._engine.info().name
        if broken:
            self._failed += 1
            if self._failed >= self._most:
                self._open_until = time.monotonic() + self._pause
                logger.warning(
                    "Engine %s failed %d times in a row: suspended for %g s", name, self._failed, self._pause
                )
            return
        if self._failed >= self._most:
            logger.warning("Engine %s answers again", name)
        self._failed = 0

    def _rejected(self, types: Sequence[EntityType]) -> list[Answer]:
        info = self._engine.info()
        left = max(0.0, self._open_until - time.monotonic())
        failure = CircuitOpen(
            f"{info.name} failed {self._failed} times in a row and is suspended for {left:.0f} s: check that it runs"
        )
        provenance = info.provenance()
        return [Answer(kind, (), provenance, failure=failure) for kind in types]
