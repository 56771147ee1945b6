"""Loading a model in a thread: once for all questions, and once more after a pause if it failed."""

from __future__ import annotations

import asyncio
import ctypes
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future, wait
from typing import Any, Generic, TypeVar
from weakref import WeakSet

from uniner_mcp.errors import EngineError, EngineUnavailable

RETRY_AFTER = 15.0
"""Seconds after a failed load until a question starts the next one."""
FORK_AFTER = 60.0
"""Seconds after which a fork no longer waits for a load in another thread."""
CLOSED = "the engine was closed before it answered: open a new one"

_Loaded = TypeVar("_Loaded")


class Loading(Generic[_Loaded]):
    """The result of `load`, which runs in a thread of `pool`. Use it in one event loop only.

    During the pause after a failed load, questions fail with its error. A fixed file or a freed GPU is thus picked up,
    but not every question costs a load.
    """

    def __init__(self, pool: Executor, load: Callable[[], _Loaded]) -> None:
        self._pool = pool
        self._load = load
        self._future: Future[_Loaded] | None = None
        self._failed_at = 0.0
        self._closed = False
        self._thread = 0
        _forks.loadings.add(self)

    def start(self) -> None:
        """Start loading, unless the model is loaded or being loaded, or a load failed a short while ago."""
        if not self._closed and (self._future is None or self._may_retry(self._future)):
            with _forks.starting:
                self._future = self._pool.submit(self._timed)

    async def loaded(self) -> _Loaded:
        """Start loading if necessary, and return the model. Raises the error of the load, or EngineUnavailable."""
        self.start()
        future = self._future
        if future is not None:
            try:
                loaded = await asyncio.shield(asyncio.wrap_future(future))
            except asyncio.CancelledError:
                if not future.cancelled():  # Not the load, but the call was cancelled.
                    raise
            else:
                if not self._closed:
                    return loaded
        raise EngineUnavailable(CLOSED)

    def lost(self, error: EngineError) -> None:
        """Note that the loaded model has stopped working: it counts as a load that failed now."""
        self._failed_at = time.monotonic()
        self._future = Future()
        self._future.set_exception(error)

    def close(self) -> Future[_Loaded] | None:
        """Load no more. Return the load, which may be in progress or failed, if there was one."""
        self._closed = True
        future, self._future = self._future, None
        return future

    def elsewhere(self) -> Future[_Loaded] | None:
        """Return the load, unless this thread runs it."""
        return None if self._thread == threading.get_ident() else self._future

    def keep(self) -> None:
        """Never destroy the model: in a forked process, this would wait for threads that only the parent has."""
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._future))

    def _may_retry(self, future: Future[_Loaded]) -> bool:
        failed = future.done() and future.exception() is not None
        return failed and time.monotonic() >= self._failed_at + RETRY_AFTER

    def _timed(self) -> _Loaded:
        self._thread = threading.get_ident()
        try:
            return self._load()
        except BaseException:
            self._failed_at = time.monotonic()
            raise
        finally:
            self._thread = 0


class _Forks:
    """What makes it safe to fork a process that loads or has loaded models.

    A load imports modules. If the process is forked meanwhile, their locks are held for ever in the new process, and
    importing them hangs. So a fork waits for loads, and no load starts until it is done.
    """

    def __init__(self) -> None:
        self.starting = threading.Lock()
        self.loadings: WeakSet[Loading[Any]] = WeakSet()
        if hasattr(os, "register_at_fork"):  # Not on Windows.
            os.register_at_fork(
                before=self._wait, after_in_parent=lambda: self.starting.release(), after_in_child=self._keep
            )

    def _wait(self) -> None:
        self.starting.acquire()
        wait([load for loading in list(self.loadings) if (load := loading.elsewhere())], timeout=FORK_AFTER)

    def _keep(self) -> None:
        self.starting = threading.Lock()
        for loading in list(self.loadings):
            loading.keep()


_forks = _Forks()
