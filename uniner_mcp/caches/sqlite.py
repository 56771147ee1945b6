"""The cache in one SQLite file, which several processes of a user share.

It never makes a request fail or wait: while the file cannot be used, or another process locks it, it is skipped.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import platformdirs

from uniner_mcp.caches import file
from uniner_mcp.caches.base import CacheStats
from uniner_mcp.caches.troubles import Trouble
from uniner_mcp.errors import UninerError

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

_GET = "SELECT value FROM answers WHERE key = ? AND made >= ? AND typeof(value) = 'blob'"
_PUT = "INSERT OR REPLACE INTO answers (key, value, made, used) VALUES (?, ?, ?, ?)"
_STEP = 1000  # rows removed per eviction, so that no other process waits long for the file
_EVICT = f"""DELETE FROM answers WHERE id IN (
  SELECT id FROM (SELECT id, sum(size) OVER (ORDER BY used, id) - size AS freed_before FROM
    (SELECT id, used, length(value) AS size FROM answers ORDER BY used, id LIMIT {_STEP}))
  WHERE freed_before < (SELECT bytes FROM total) - ?)"""
_STAMP = "UPDATE answers SET used = max(used, ?) WHERE key = ?"
_STAMPS = 256  # reads after which their times are stored, so that not every read is a write
_WAITING = 1000  # most values, and times of reads, that wait until the file can be written
_BUSY_SECONDS = 0.005  # how long to wait for another process that writes: answers must not wait for it
_COMMAND_BUSY_SECONDS = 0.5  # the same for the commands of the user
_PATIENCE = 5.0  # seconds after which a file that does not respond, as on a lost network drive, is not waited for


def default_cache_path() -> Path:
    """Return the default path of the cache, in the user's cache folder."""
    return platformdirs.user_cache_path("uniner-mcp") / "answers.sqlite"


def cache_stats(path: Path) -> CacheStats:
    """Return the statistics of the cache file at `path`, which need not exist. Raises UninerError if unreadable."""
    with _explained(path):
        if not path.exists():
            return CacheStats(path, 0, 0, None, None)
        with _opened(path) as db:
            query = "SELECT count(*), (SELECT bytes FROM total), min(made), max(made) FROM answers"
            entries, size, *made = db.execute(query).fetchone()
    oldest, newest = (None if at is None else datetime.fromtimestamp(at / 1e9, UTC) for at in made)
    return CacheStats(path, entries, size, oldest, newest)


def clear_cache(path: Path) -> int:
    """Remove all answers from the cache file at `path`, which may be in use. Return their number.

    A damaged file that was set aside is removed too. Raises UninerError if the file cannot be written.
    """
    entries = cache_stats(path).entries
    with _explained(path):
        if path.exists():
            with _opened(path) as db:
                file.create_tables(db)
                with suppress(sqlite3.OperationalError):  # While others read: the space is reused instead of freed.
                    db.execute("VACUUM")
                    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        file.aside(path).unlink(missing_ok=True)
    return entries


@contextmanager
def _explained(path: Path) -> Generator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        name = file.error_name(error)
        raise UninerError(f"The cache {path} cannot be used ({name}): try again, or delete it.") from error


@contextmanager
def _opened(path: Path) -> Generator[sqlite3.Connection]:
    with file.locked(path, _COMMAND_BUSY_SECONDS), closing(file.connect(path, _COMMAND_BUSY_SECONDS)) as db:
        yield db


class SqliteCache:
    """Stores answers in the file at `path`, which is created on first use and readable only by its owner.

    If the values take more than `max_bytes`, the least recently used ones are evicted until nine tenths of that are
    left. Values older than `max_age` are removed. A separate thread does all the work on the file. Values that cannot
    be written now are written later.
    """

    def __init__(self, path: Path, *, max_bytes: int = 256 * 1024**2, max_age: timedelta | None = None) -> None:
        """Configure the cache. The file is opened on first use."""
        self._path, self._max_bytes, self._max_age = path, max_bytes, max_age
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="answer-cache")
        self._db: sqlite3.Connection | None = None
        self._identity: file.Identity | None = None
        self._later = deque[tuple[str, bytes]](maxlen=_WAITING)
        self._values: dict[str, bytes] = {}
        self._stamps: dict[str, int] = {}
        self._opening = Trouble(path, "not used", "used again")
        self._reading = Trouble(path, "not read", "read again")
        self._writing = Trouble(path, "not written", "written again")
        self._overdue: Future[Any] | None = None
        self._closed = False

    async def get_many(self, keys: Sequence[str]) -> dict[str, bytes]:
        """Return the stored values, by key."""
        if self._opening.skips() or self._reading.skips():
            return {}
        return await self._in_thread(lambda: self._get(keys), {})

    async def put_many(self, items: Mapping[str, bytes]) -> None:
        """Store these values."""
        if self._opening.skips() or self._writing.skips():
            self._later.extend(items.items())
        else:
            await self._in_thread(lambda: self._put(items), None)

    async def aclose(self) -> None:
        """Store the times of use and close the file. From then on the cache returns nothing."""
        if not self._closed:
            self._closed = True
            last = self._thread.submit(self._finish)
            self._thread.shutdown(wait=False)
            await asyncio.wait({asyncio.wrap_future(last)}, timeout=_PATIENCE)

    async def _in_thread(self, work: Callable[[], _T], otherwise: _T) -> _T:
        if self._closed:
            return otherwise
        if self._overdue is not None:
            if not self._overdue.done():
                return otherwise
            self._overdue = None
            _log.warning("Answer cache %s: used again.", self._path)
        working = self._thread.submit(work)
        done, _ = await asyncio.wait({asyncio.wrap_future(working)}, timeout=_PATIENCE)
        if done:
            return working.result()
        if self._overdue is None:
            _log.warning("Answer cache %s: no response for %g s; not used until there is one.", self._path, _PATIENCE)
            self._overdue = working
        return otherwise

    # The following methods run in the thread.

    def _get(self, keys: Sequence[str]) -> dict[str, bytes]:
        found = self._attempt(self._reading, lambda db: self._read(db, keys), {})
        self._put({})
        return found

    def _put(self, items: Mapping[str, bytes], stamps: int = _STAMPS) -> None:
        """Write these values, those that wait, and the times of reads if there are as many as `stamps`."""
        while self._later:
            self._values.update([self._later.popleft()])
        self._values |= items
        if self._values or len(self._stamps) >= stamps:
            self._attempt(self._writing, self._write, None)
            _drop_oldest(self._values)

    def _attempt(self, trouble: Trouble, work: Callable[[sqlite3.Connection], _T], otherwise: _T) -> _T:
        """Return the result of `work`, or `otherwise` if it fails, or if it or opening the file failed recently."""
        stage = self._opening
        if stage.skips() or trouble.skips():
            return otherwise

        def once() -> _T:
            nonlocal stage
            stage = self._opening
            db = self._open()
            stage.worked()
            stage = trouble
            return work(db)

        try:
            try:
                result = once()
            except sqlite3.DatabaseError as error:
                if not file.is_damage(error):
                    raise
                self._set_aside(error)
                result = once()
        except (sqlite3.Error, OSError) as error:
            stage.failed(error)
            # A new connection may see a fixed file. But opening one needs space, and reading goes on without space.
            if not (file.is_busy(error) or file.is_full(error)):
                self._disconnect()
            return otherwise
        stage.worked()
        return result

    def _open(self) -> sqlite3.Connection:
        """Return the connection to the file. If the file was deleted or replaced, open the one that is there now."""
        if self._db is None or file.identity(self._path) != self._identity:
            self._disconnect()
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with file.locked(self._path, _BUSY_SECONDS):
                self._path.touch(mode=0o600)  # SQLite creates the files beside it with the same mode.
                self._identity = file.identity(self._path)
                self._db = file.connect(self._path, _BUSY_SECONDS)
        return self._db

    def _set_aside(self, error: sqlite3.Error) -> None:
        self._disconnect()
        file.set_aside(self._path, self._identity, _BUSY_SECONDS)
        _log.warning("Answer cache %s: %s; set aside and recreated.", self._path, file.error_name(error))

    def _read(self, db: sqlite3.Connection, keys: Sequence[str]) -> dict[str, bytes]:
        found = {key: row[0] for key in keys if (row := db.execute(_GET, (key, self._oldest())).fetchone())}
        self._stamps |= dict.fromkeys(found, time.time_ns())
        _drop_oldest(self._stamps)
        return found

    def _write(self, db: sqlite3.Connection) -> None:
        now = time.time_ns()
        with db:
            db.execute("BEGIN IMMEDIATE")
            db.executemany(_STAMP, ((at, key) for key, at in self._stamps.items()))
            db.executemany(_PUT, ((key, value, now, now) for key, value in self._values.items()))
            db.execute("DELETE FROM answers WHERE made < ?", (self._oldest(),))
        self._values, self._stamps = {}, {}
        if db.execute("SELECT 1 FROM total WHERE bytes > ?", (self._max_bytes,)).fetchone():
            while db.execute(_EVICT, (self._max_bytes * 9 // 10,)).rowcount == _STEP:
                pass

    def _oldest(self) -> int:
        if self._max_age is None:
            return 0
        return max(0, time.time_ns() - self._max_age // timedelta(microseconds=1) * 1000)

    def _finish(self) -> None:
        for trouble in (self._opening, self._writing):
            trouble.end_pause()
        self._put({}, stamps=1)
        self._disconnect()

    def _disconnect(self) -> None:
        if self._db is not None:
            with suppress(sqlite3.Error):
                self._db.close()
            self._db = None


def _drop_oldest(waiting: dict[str, Any]) -> None:
    while len(waiting) > _WAITING:
        del waiting[next(iter(waiting))]
