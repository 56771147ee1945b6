"""Which process uses an extractor: threads, models and connections do not survive a fork."""

from __future__ import annotations

import os
import threading

from uniner_mcp.errors import UninerError


class OwnProcess:
    """The process that something belongs to: the one that uses it first, so that it may be opened before a fork."""

    def __init__(self) -> None:
        self._pid: int | None = None

    def claim(self) -> None:
        """Note that this process uses it. Raises UninerError if another one does, or if Python is ending."""
        if self._pid is None:
            self._pid = os.getpid()
        if not self.is_this():
            raise UninerError(
                "This extractor is used by the process that this one was forked from: open another one here, after "
                "the fork."
            )
        if is_ending():
            raise UninerError(
                "Python is ending, so nothing can be extracted any more: extract before the end of the script, and "
                "join the threads that extract."
            )

    def is_this(self) -> bool:
        """Return whether no other process uses it."""
        return self._pid in (None, os.getpid())


def is_ending() -> bool:
    """Return whether the interpreter has begun to end: since then, thread pools accept no work."""
    return not threading.main_thread().is_alive()
