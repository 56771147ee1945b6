"""HTTP connections: a bound on their number, and a deadline for each request."""

from __future__ import annotations

import asyncio
import importlib
import logging
from dataclasses import dataclass
from typing import Any

import h11
from starlette.responses import PlainTextResponse
from uvicorn.protocols.http.h11_impl import H11Protocol

from uniner_mcp.server.logs import Seldom
from uniner_mcp.server.waiting import RETRY_AFTER_S

logger = logging.getLogger(__name__)

KEEP_ALIVE_S = 75
"""Seconds that an idle connection stays open: longer than clients and proxies (mostly 5 to 60) keep one in their pool,
so that the client closes it and never sends a request into a connection that is being closed."""
REQUEST_S = 60.0
"""Seconds in which a request must have arrived completely."""
_INCOMPLETE = (h11.IDLE, h11.SEND_BODY)
_FILES = 20_000
_BUSY = PlainTextResponse(
    "The server has too many connections. Try again later.",
    503,
    {"Retry-After": str(RETRY_AFTER_S), "Connection": "close"},
)


@dataclass(frozen=True)
class Bounds:
    """How many connections there may be, by the number of files that this process may open.

    served: connections whose requests are answered: half of the files, because the model, the cache and our own
        requests need some too.
    open: connections at all; those beyond `served` are answered with 503.
    accepted: connections that asyncio accepts before the first of them can be refused. About four times as many may be
        open in addition.
    """

    served: int
    open: int
    accepted: int

    @classmethod
    def of(cls, files: int) -> Bounds:
        """Return the bounds for a number of files."""
        served = max(1, files // 2)
        return cls(served, served + max(1, files // 8), min(128, max(8, files // 16)))

    @classmethod
    def here(cls) -> Bounds:
        """Return the bounds of this process."""
        try:
            resource: Any = importlib.import_module("resource")
        except ImportError:  # Windows has no such limit.
            return cls.of(_FILES)
        files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        return cls.of(_FILES if files == resource.RLIM_INFINITY else min(_FILES, files))


class BoundedProtocol(H11Protocol):
    """uvicorn's connection, with a bound on their number and a deadline for each request.

    Connections beyond `bounds.served` are answered with 503 and Retry-After, those beyond `bounds.open` are closed
    without an answer. uvicorn's own `limit_concurrency` bounds only requests: connections that send none stay open.
    """

    bounds = Bounds.here()
    request_s = REQUEST_S
    _seldom = Seldom()

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Start the deadline, or refuse the connection."""
        super().connection_made(transport)
        bounds = self.bounds
        if len(self.connections) > bounds.served:
            if self._seldom.allows("connections"):
                logger.warning("More than %d connections: others are refused for now (status 503).", bounds.served)
            if len(self.connections) > bounds.open:
                transport.abort()
                return
            self.app = _BUSY
        self._expect_request()

    def data_received(self, data: bytes) -> None:
        """Start the deadline with the first bytes of a request, and end it with the last."""
        self._expect_request()
        super().data_received(data)
        if self.conn.their_state not in _INCOMPLETE:
            self._forget_deadline()

    def connection_lost(self, exc: Exception | None) -> None:
        """End the deadline."""
        self._forget_deadline()
        super().connection_lost(exc)

    def _expect_request(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(self.request_s, self.transport.close)

    def _forget_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
