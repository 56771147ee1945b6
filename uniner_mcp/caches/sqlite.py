"""The cache in one SQLite file, which several processes of a user share.

If the file cannot be used, this is logged once and the cache is bypassed: it never makes a request fail.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import platformdirs

from uniner_mcp.caches.base import CacheStats
from uniner_mcp.errors import UninerError

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

_OURS = [0x556E4552, 1]  # PRAGMA application_id ("UnER") and user_version (of the schema)
_SCHEMA = f"""DROP TABLE IF EXISTS answers
DROP TABLE IF EXISTS total
CREATE TABLE answers (id INTEGER PRIMARY KEY, key TEXT UNIQUE, value BLOB, made INTEGER, used INTEGER)
CREATE INDEX answers_made ON answers (made)
CREATE INDEX answers_used ON answers (used)
CREATE TABLE total AS SELECT 0 AS bytes
CREATE TRIGGER added AFTER INSERT ON answers BEGIN UPDATE total SET bytes = bytes + length(new.value); END
CREATE TRIGGER removed AFTER DELETE ON answers BEGIN UPDATE total SET bytes = bytes - length(old.value); END
PRAGMA application_id = {_OURS[0]}
PRAGMA user_version = {_OURS[1]}""".splitlines()
_PUT = "INSERT OR REPLACE INTO answers (key, value, made, used) VALUES (?, ?, ?, ?)"
_STEP = 1000  # rows removed per eviction, so that no other process waits long for the file
_EVICT = f"""DELETE FROM answers WHERE id IN (
  SELECT id FROM (SELECT id, sum(size) OVER (ORDER BY used, id) - size AS freed_before FROM
    (SELECT id, used, length(value) AS size FROM answers ORDER BY used, id LIMIT {_STEP}))
  WHERE freed_before < (SELECT bytes FROM total) - ?)"""
_STAMP = "UPDATE answers SET used = max(used, ?) WHERE key = ?"
_STAMPS = 256  # reads after which their times are stored, so that not every read is a write
_BUSY_SECONDS = 0.5  # how long to wait for another process that writes
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def default_cache_path() -> Path:
    """Return the default path of the cache, in the user's cache folder."""
    return platformdirs.user_cache_path("uniner-mcp") / "answers.sqlite"


def cache_stats(path: Path) -> CacheStats:
    """Return the statistics of the cache file at `path`, which need not exist. Raises UninerError if unreadable."""
    with _explained(path):
        if not path.exists():
            return CacheStats(path, 0, 0, None, None)
        with _locked(path), closing(_connect(path)) as db:
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
            with _locked(path), closing(_connect(path)) as db:
                _create_tables(db)
                with suppress(sqlite3.OperationalError):  # While others read: the space is reused instead of freed.
                    db.execute("VACUUM")
                    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        _aside(path).unlink(missing_ok=True)
    return entries


@contextmanager
def _explained(path: Path) -> Generator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise UninerError(f"The cache {path} cannot be used ({_name(error)}): try again, or delete it.") from error


@contextmanager
def _locked(path: Path) -> Generator[None]:
    """Let one process at a time open, create or set aside the file, using SQLite's lock on an empty file beside it."""
    lock = path.with_name(f"{path.name}.lock")
    lock.touch(mode=0o600)
    with closing(sqlite3.connect(lock, timeout=_BUSY_SECONDS, isolation_level=None)) as db:
        db.execute("BEGIN EXCLUSIVE")
        yield


def _connect(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)
    try:
        found = [db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")]
        if found[0] != _OURS[0] and db.execute("SELECT 1 FROM sqlite_master").fetchone():
            raise sqlite3.DatabaseError("The file is the database of another application.")
        if found != _OURS:
            _create_tables(db)
        for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "recursive_triggers = ON"):
            db.execute(f"PRAGMA {pragma}")  # The last one makes REPLACE fire the trigger `removed`.
    except sqlite3.Error:
        db.close()
        raise
    return db


def _create_tables(db: sqlite3.Connection) -> None:
    with db:
        db.execute("BEGIN IMMEDIATE")
        for statement in _SCHEMA:
            db.execute(statement)


def _aside(path: Path) -> Path:
    return path.with_name(f"{path.name}.damaged")


def _code(error: Exception) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF  # The higher bytes of an extended code are details.


def _name(error: Exception) -> str:
    return f"{type(error).__name__} {getattr(error, 'sqlite_errorname', '')}".strip()


class SqliteCache:
    """Stores answers in the file at `path`, which is created on first use and readable only by its owner.

    If the values take more than `max_bytes`, the least recently used ones are evicted until nine tenths of that are
    left. Values older than `max_age` are removed. A separate thread does all the work on the file.
    """

    def __init__(self, path: Path, *, max_bytes: int = 256 * 1024**2, max_age: timedelta | None = None) -> None:
        """Configure the cache. The file is opened on first use."""
        self._path, self._max_bytes, self._max_age = path, max_bytes, max_age
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="answer-cache")
        self._db: sqlite3.Connection | None = None
        self._inode = 0
        self._stamps: dict[str, int] = {}
        self._reported: set[str] = set()
        self._bypassed = self._closed = False

    async def get_many(self, keys: Sequence[str]) -> dict[str, bytes]:
        """Return the stored values, by key."""
        found = await self._in_thread(lambda db: self._read(db, keys), {})
        if len(self._stamps) >= _STAMPS:
            await self._in_thread(lambda db: self._write(db, {}), None)
        return found

    async def put_many(self, items: Mapping[str, bytes]) -> None:
        """Store these values."""
        await self._in_thread(lambda db: self._write(db, items), None)

    async def aclose(self) -> None:
        """Store the times of use and close the file. From then on the cache returns nothing."""
        if not self._closed:
            self._closed = True
            last = self._thread.submit(self._finish)
            self._thread.shutdown(wait=False)
            await asyncio.shield(asyncio.wrap_future(last))

    async def _in_thread(self, work: Callable[[sqlite3.Connection], _T], otherwise: _T) -> _T:
        if self._closed or self._bypassed:
            return otherwise
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._attempt, work, otherwise)

    # The following methods run in the thread.

    def _attempt(self, work: Callable[[sqlite3.Connection], _T], otherwise: _T) -> _T:
        try:
            try:
                return work(self._open())
            except sqlite3.DatabaseError as error:
                if _code(error) not in _DAMAGED:
                    raise
                self._set_aside()
                self._report(error, "set aside and recreated")
                return work(self._open())
        except (sqlite3.Error, OSError) as error:
            if _code(error) in _BUSY:
                self._report(error, "not used while it is locked")
            else:
                self._report(error, "bypassed from now on")
                self._bypassed = True
                self._disconnect()
            return otherwise

    def _open(self) -> sqlite3.Connection:
        if self._db is None:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with _locked(self._path):
                self._path.touch(mode=0o600)  # SQLite creates the files beside it with the same mode.
                self._inode = self._path.stat().st_ino
                self._db = _connect(self._path)
        return self._db

    def _set_aside(self) -> None:
        self._disconnect()
        with _locked(self._path), suppress(FileNotFoundError):
            if self._path.stat().st_ino == self._inode:  # Otherwise another process was faster.
                for beside in ("-wal", "-shm"):
                    self._path.with_name(self._path.name + beside).unlink(missing_ok=True)
                self._path.replace(_aside(self._path))

    def _read(self, db: sqlite3.Connection, keys: Sequence[str]) -> dict[str, bytes]:
        query = "SELECT value FROM answers WHERE key = ? AND made >= ?"
        found = {key: row[0] for key in keys if (row := db.execute(query, (key, self._oldest())).fetchone())}
        self._stamps |= dict.fromkeys(found, time.time_ns())
        return found

    def _write(self, db: sqlite3.Connection, items: Mapping[str, bytes]) -> None:
        now = time.time_ns()
        stamps, self._stamps = self._stamps, {}
        with db:
            db.execute("BEGIN IMMEDIATE")
            db.executemany(_STAMP, ((at, key) for key, at in stamps.items()))
            db.executemany(_PUT, ((key, value, now, now) for key, value in items.items()))
            db.execute("DELETE FROM answers WHERE made < ?", (self._oldest(),))
        if db.execute("SELECT 1 FROM total WHERE bytes > ?", (self._max_bytes,)).fetchone():
            while db.execute(_EVICT, (self._max_bytes * 9 // 10,)).rowcount == _STEP:
                pass

    def _oldest(self) -> int:
        if self._max_age is None:
            return 0
        return max(0, time.time_ns() - self._max_age // timedelta(microseconds=1) * 1000)

    def _finish(self) -> None:
        if self._stamps:
            self._attempt(lambda db: self._write(db, {}), None)
        self._disconnect()

    def _disconnect(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None

    def _report(self, error: Exception, consequence: str) -> None:
        if consequence not in self._reported:
            self._reported.add(consequence)
            _log.warning("Answer cache %s: %s; %s.", self._path, _name(error), consequence)
