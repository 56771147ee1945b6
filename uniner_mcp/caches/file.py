"""The SQLite file of the cache: its tables, opening it, and setting a damaged one aside."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

_OURS = [0x556E4552, 2]  # PRAGMA application_id ("UnER") and user_version (of the schema)
_SCHEMA = f"""DROP TABLE IF EXISTS answers
DROP TABLE IF EXISTS total
CREATE TABLE answers (id INTEGER PRIMARY KEY, key TEXT UNIQUE, value BLOB NOT NULL, made INTEGER, used INTEGER)
CREATE INDEX answers_made ON answers (made)
CREATE INDEX answers_used ON answers (used)
CREATE TABLE total AS SELECT 0 AS bytes
CREATE TRIGGER added AFTER INSERT ON answers BEGIN UPDATE total SET bytes = bytes + length(new.value); END
CREATE TRIGGER removed AFTER DELETE ON answers BEGIN UPDATE total SET bytes = bytes - length(old.value); END
CREATE TRIGGER changed AFTER UPDATE OF value ON answers
 BEGIN UPDATE total SET bytes = bytes + length(new.value) - length(old.value); END
PRAGMA application_id = {_OURS[0]}
PRAGMA user_version = {_OURS[1]}""".replace("\n ", " ").splitlines()
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)

Identity = tuple[int, int]
"""Device and number of a file, which another file with the same path does not have."""


@contextmanager
def locked(path: Path, wait: float) -> Generator[None]:
    """Let one process at a time open, create or set aside the file, using SQLite's lock on an empty file beside it.

    `wait`: for how many seconds to wait for another process.
    """
    lock = path.with_name(f"{path.name}.lock")
    lock.touch(mode=0o600)
    with closing(sqlite3.connect(lock, timeout=wait, isolation_level=None)) as db:
        db.execute("BEGIN EXCLUSIVE")
        yield


def connect(path: Path, wait: float) -> sqlite3.Connection:
    """Open the file, and create its tables if they do not exist or belong to another version. Call it in `locked`."""
    db = sqlite3.connect(path, timeout=wait, isolation_level=None)
    try:
        found = [db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")]
        if found[0] != _OURS[0] and db.execute("SELECT 1 FROM sqlite_master").fetchone():
            raise sqlite3.DatabaseError("The file is the database of another application.")
        if found != _OURS:
            create_tables(db)
        for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "recursive_triggers = ON"):
            db.execute(f"PRAGMA {pragma}")  # The last one makes REPLACE fire the trigger `removed`.
    except sqlite3.Error:
        db.close()
        raise
    return db


def create_tables(db: sqlite3.Connection) -> None:
    """Replace the tables by empty ones."""
    with db:
        db.execute("BEGIN IMMEDIATE")
        for statement in _SCHEMA:
            db.execute(statement)


def identity(path: Path) -> Identity | None:
    """Return the identity of the file, or None if there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def set_aside(path: Path, damaged: Identity | None, wait: float) -> None:
    """Rename the damaged file, unless another process was faster. It must not be open in this process."""
    with locked(path, wait), suppress(FileNotFoundError):
        if identity(path) == damaged:
            for beside in ("-wal", "-shm"):
                path.with_name(path.name + beside).unlink(missing_ok=True)
            path.replace(aside(path))


def aside(path: Path) -> Path:
    """Return the path of a damaged file that was set aside."""
    return path.with_name(f"{path.name}.damaged")


def is_busy(error: Exception) -> bool:
    """Return whether the file is locked by another process."""
    return _code(error) in _BUSY


def is_damage(error: Exception) -> bool:
    """Return whether the file is damaged."""
    return _code(error) in _DAMAGED


def is_full(error: Exception) -> bool:
    """Return whether there is no space left."""
    return _code(error) == sqlite3.SQLITE_FULL


def error_name(error: Exception) -> str:
    """Return the class of an error and SQLite's name for it."""
    return f"{type(error).__name__} {getattr(error, 'sqlite_errorname', '')}".strip()


def _code(error: Exception) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF  # The higher bytes of an extended code are details.
