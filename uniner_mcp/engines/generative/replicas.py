"""Several servers of one model: in turn, and around those that are down."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 60.0
"""Seconds for which a server that is down is left alone: doubled each time, from the first to the longest."""


@dataclass(slots=True)
class _Server:
    address: str
    pause: float = 0.0
    """0 while it is well."""
    down_until: float = 0.0


@dataclass(slots=True)
class Route:
    """The server that the questions of one passage go to: it has read the passage already."""

    address: str


class Replicas:
    """Gives out addresses in turn. One that is down is tried with `check`, after a pause, before it is given out."""

    def __init__(self, addresses: Sequence[str], check: Callable[[str], Awaitable[bool]]) -> None:
        self._servers = [_Server(address) for address in addresses]
        self._next = 0
        self._check = check

    async def pick(self) -> str:
        """The next address that is well, or if none is the one whose pause is over first."""
        turn = self._servers[self._next :] + self._servers[: self._next]
        self._next = (self._next + 1) % len(self._servers)
        for server in turn:
            if not server.pause:
                return server.address
            if len(turn) > 1 and server.down_until <= time.monotonic():
                if await self._check(server.address):
                    return server.address  # Well only when it has answered: to list its models is not much.
                self.is_down(server.address)
        return min(turn, key=lambda server: server.down_until).address

    def is_down(self, address: str) -> None:
        """It did not answer. Told again during its pause, it changes nothing."""
        server = self._of(address)
        now = time.monotonic()
        if now >= server.down_until:
            server.pause = min(server.pause * 2 or FIRST_PAUSE, LONGEST_PAUSE)
            server.down_until = now + server.pause

    def is_well(self, address: str) -> None:
        """It answered."""
        server = self._of(address)
        server.pause = server.down_until = 0.0

    def others_are_well(self, address: str) -> bool:
        """Whether there is another one to go to."""
        return any(not server.pause for server in self._servers if server.address != address)

    def all_down(self) -> list[str]:
        """All addresses, if there are several and none is well; else none."""
        down = [server.address for server in self._servers if server.pause]
        return down if len(down) == len(self._servers) > 1 else []

    def _of(self, address: str) -> _Server:
        return next(server for server in self._servers if server.address == address)
