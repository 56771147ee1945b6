"""What the server logs: no text of callers, at any level, and nothing that grows without bound."""

from __future__ import annotations

import asyncio
import logging
import sys
import time
import traceback
from types import TracebackType
from typing import Any

logger = logging.getLogger(__name__)

_LIBRARIES = ("mcp", "sse_starlette", "uvicorn")
"""Below WARNING they log names, addresses and messages that callers send."""
_HOSTS = "mcp.server.transport_security"
_FIXED = {
    _HOSTS: "Refused a request because of its Host or Origin header: allow the name with --allowed-host, "
    "if clients use it to reach this server."
}
_SELDOM_S = 60.0


class Seldom:
    """Whether something may be reported again: at most once a minute per name."""

    def __init__(self) -> None:
        self._last: dict[str, float] = {}

    def allows(self, name: str) -> bool:
        """Return True, and note the time, unless `name` was allowed less than a minute ago. Names must be few."""
        now = time.monotonic()
        if now - self._last.get(name, -_SELDOM_S) < _SELDOM_S:
            return False
        self._last[name] = now
        return True


class _Bounded(logging.Filter):
    """Passes each warning at most once a minute, without the header that caused it."""

    def __init__(self) -> None:
        super().__init__()
        self._seldom = Seldom()

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno != logging.WARNING:
            return True
        if record.name in _FIXED:
            record.msg, record.args = _FIXED[record.name], None
        return self._seldom.allows(str(record.msg))


_BOUNDED = _Bounded()
_UNHANDLED = Seldom()


class _Discreet(logging.Formatter):
    """Formats an exception as its type and place: its message may contain a caller's words."""

    def formatException(self, ei: Any) -> str:
        kind: type[BaseException] | None
        trace: TracebackType | None
        kind, _, trace = ei
        return "".join(traceback.format_tb(trace)) + (kind.__name__ if kind is not None else "")


def quiet_libraries() -> None:
    """Keep the words of callers out of what the libraries log. Repeating this is harmless."""
    for name in _LIBRARIES:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in (_HOSTS, "uvicorn.error"):
        logging.getLogger(name).addFilter(_BOUNDED)


def log_to_stderr() -> None:
    """Log warnings and errors of this process to stderr. Call it in the running event loop."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Discreet("%(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    # The default handler logs the repr of tasks, which contains the messages of exceptions.
    asyncio.get_running_loop().set_exception_handler(_log_unhandled)


def log_failure(what: str, error: BaseException) -> None:
    """Log an unexpected error without its message. `what` must not contain a caller's words."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" at {frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    logger.error("%s failed: %s%s", what, type(error).__name__, where)


def _log_unhandled(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    said = str(context.get("message"))
    if _UNHANDLED.allows(said):
        error = context.get("exception")
        logger.error("%s (%s)", said, type(error).__name__ if error is not None else "no exception")
