"""How the server ends: the first request lets running calls finish, the second one ends them too."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Generator
from contextlib import contextmanager

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stop:
    """Requests to end. Create it in the running event loop.

    asked: set by the first request: nothing new is accepted, running calls go on.
    over: set after `drain_s` seconds, or by the second request: running calls are cancelled.
    """

    def __init__(self, drain_s: float) -> None:
        self._drain_s = drain_s
        self._loop = asyncio.get_running_loop()
        self.asked = asyncio.Event()
        self.over = asyncio.Event()

    def ask(self) -> None:
        """Request the end."""
        if self.asked.is_set():
            self.over.set()
            return
        self.asked.set()
        self._loop.call_later(self._drain_s, self.over.set)

    @contextmanager
    def on_signals(self) -> Generator[None]:
        """Take SIGINT and SIGTERM as requests. Call it in the main thread."""

        def ask(*_: object) -> None:
            self._loop.call_soon_threadsafe(self.ask)

        before = {number: signal.signal(number, ask) for number in _SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
