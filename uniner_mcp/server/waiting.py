"""How many calls may wait for the engine."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from uniner_mcp.errors import UninerError

RETRY_AFTER_S = 5
"""Seconds after which a refused client may try again."""


class Overloaded(UninerError):
    """Too many calls are waiting."""


class Places:
    """The places for calls: `running` that the engine works on, and `waiting` behind them.

    A further call is refused immediately: a client that is told to come back is served sooner than one that waits in a
    queue that only grows.
    """

    def __init__(self, running: int, waiting: int) -> None:
        self._most = running + waiting
        self._taken = 0

    @contextmanager
    def place(self) -> Generator[None]:
        """Take a place for a call. Raises Overloaded if there is none."""
        if self._taken >= self._most:
            raise Overloaded(
                f"The server is overloaded: {self._taken} calls are running or waiting. "
                f"Try again after {RETRY_AFTER_S} seconds."
            )
        self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1
