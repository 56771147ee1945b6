"""Several servers of one model, used in turn; servers that are down are skipped."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 60.0
"""Seconds for which a server that is down is skipped: doubled each time, from the first to the longest."""


@dataclass(slots=True)
class _Server:
    address: str
    pause: float = 0.0
    """0 while it is available."""
    down_until: float = 0.0


@dataclass(slots=True)
class Route:
    """The server for the questions about one passage: it has processed the passage already."""

    address: str


class Replicas:
    """Returns addresses in turn. After its pause, one that is down is tested with `check` before it is returned."""

    def __init__(self, addresses: Sequence[str], check: Callable[[str], Awaitable[bool]]) -> None:
        self._servers = [_Server(address) for address in addresses]
        self._next = 0
        self._check = check

    async def pick(self) -> str:
        """Return the next available address, or if there is none, the one whose pause ends first."""
        turn = self._servers[self._next :] + self._servers[: self._next]
        self._next = (self._next + 1) % len(self._servers)
        for server in turn:
            if not server.pause:
                return server.address
            if len(turn) > 1 and server.down_until <= time.monotonic():
                if await self._check(server.address):
                    return server.address  # Not marked as well yet: that takes an answer, not only a list of models.
                self.is_down(server.address)
        return min(turn, key=lambda server: server.down_until).address

    def is_down(self, address: str) -> None:
        """Note that the server did not answer. Repeated calls during its pause have no effect."""
        server = self._of(address)
        now = time.monotonic()
        if now >= server.down_until:
            server.pause = min(server.pause * 2 or FIRST_PAUSE, LONGEST_PAUSE)
            server.down_until = now + server.pause

    def is_well(self, address: str) -> None:
        """Note that the server answered."""
        server = self._of(address)
        server.pause = server.down_until = 0.0

    def others_are_well(self, address: str) -> bool:
        """Return whether another server is available."""
        return any(not server.pause for server in self._servers if server.address != address)

    def all_down(self) -> list[str]:
        """Return all addresses if there are several and none is available, else an empty list."""
        down = [server.address for server in self._servers if server.pause]
        return down if len(down) == len(self._servers) > 1 else []

    def _of(self, address: str) -> _Server:
        return next(server for server in self._servers if server.address == address)
