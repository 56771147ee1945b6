"""Troubles with the cache file: what failed is skipped for a while, then tried again."""

from __future__ import annotations

import logging
import sqlite3
import time
from pathlib import Path

from uniner_mcp.caches.file import error_name, is_busy

PAUSE = 30.0
"""Seconds for which an access that failed is not tried again."""
BUSY_PAUSE = 1.0
"""The same if the file was only locked."""

_log = logging.getLogger(__name__)


class Trouble:
    """Whether one way to access the file is to be skipped, and what the log says about it.

    The beginning and the end of a trouble are logged. A lock is only logged if it is still held after the pause: other
    processes that write hold one for a few milliseconds.
    """

    def __init__(self, path: Path, during: str, afterwards: str) -> None:
        """`during` and `afterwards` say what a trouble means, and what its end means."""
        self._path, self._during, self._afterwards = path, during, afterwards
        self._since: float | None = None
        self._skipped_until = 0.0
        self._is_logged = False

    def skips(self) -> bool:
        """Return whether the access failed a short while ago."""
        return self._since is not None and time.monotonic() < self._skipped_until

    def end_pause(self) -> None:
        """Let the access be tried again now."""
        self._skipped_until = 0.0

    def failed(self, error: sqlite3.Error | OSError) -> None:
        """Note that the access failed."""
        now, pause = time.monotonic(), BUSY_PAUSE if is_busy(error) else PAUSE
        self._since = now if self._since is None else self._since
        self._skipped_until = now + pause
        if not self._is_logged and not (is_busy(error) and now < self._since + BUSY_PAUSE):
            self._is_logged = True
            name = error_name(error)
            _log.warning("Answer cache %s: %s; %s, tried again every %g s.", self._path, name, self._during, pause)

    def worked(self) -> None:
        """Note that the access worked."""
        self._since = None
        if self._is_logged:
            self._is_logged = False
            _log.warning("Answer cache %s: %s.", self._path, self._afterwards)
