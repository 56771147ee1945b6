"""The cost of teachers per day (UTC), in one SQLite file that all processes of a user share."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import platformdirs

from uniner_mcp.engines.base import Cost
from uniner_mcp.engines.teacher.policy import Limit
from uniner_mcp.errors import EngineError

_BUSY_SECONDS = 10.0
_TABLE = """CREATE TABLE IF NOT EXISTS spent
(day TEXT PRIMARY KEY, questions INTEGER, input_tokens INTEGER, output_tokens INTEGER, usd REAL)"""
_READ = "SELECT questions, input_tokens, output_tokens, usd FROM spent WHERE day = ?"
_ADD = """INSERT INTO spent VALUES (?, ?, ?, ?, ?) ON CONFLICT (day) DO UPDATE SET
questions = questions + excluded.questions, input_tokens = input_tokens + excluded.input_tokens,
output_tokens = output_tokens + excluded.output_tokens, usd = usd + excluded.usd"""
_ROUNDING = 1e-9


def default_ledger_path() -> Path:
    """Return the default path of the ledger, in the user's state folder."""
    return platformdirs.user_state_path("uniner-mcp") / "ledger.sqlite"


def over(cost: Cost, limit: Limit) -> str | None:
    """Return the first limit that `cost` exceeds, in words, or None."""
    tokens = cost.input_tokens + cost.output_tokens
    if limit.questions is not None and cost.questions > limit.questions:
        return f"{limit.questions} questions"
    if limit.tokens is not None and tokens > limit.tokens:
        return f"{limit.tokens} tokens"
    if limit.usd is not None and cost.usd > limit.usd + _ROUNDING:
        return f"{limit.usd} US dollars"
    return None


def today() -> str:
    """Return the current day of the ledger, in UTC."""
    return datetime.now(UTC).date().isoformat()


class Ledger:
    """Adds up what is spent. If the file cannot be used, every method raises EngineError, so that nothing is spent."""

    def __init__(self, path: Path | None = None) -> None:
        """Use the file at `path`, which is created on first use."""
        self.path = path or default_ledger_path()

    async def reserve(self, cost: Cost, limit: Limit) -> tuple[str, str | None]:
        """Reserve `cost` if the day's `limit` allows it. Return the day, and the limit that would be exceeded or None.

        Atomic: concurrent calls, also of other processes, cannot exceed the limit together.
        """
        return await asyncio.to_thread(self._reserve, cost, limit)

    async def settle(self, day: str, reserved: Cost, actual: Cost) -> None:
        """Replace what was reserved on `day` by `actual`."""
        await asyncio.to_thread(self._add, day, actual - reserved)

    def spent(self, day: str) -> Cost:
        """Return what was spent on `day`, including reservations."""
        if not self.path.exists():
            return Cost()
        with self._open() as db:
            return _read(db, day)

    def _reserve(self, cost: Cost, limit: Limit) -> tuple[str, str | None]:
        day = today()
        with self._open() as db:
            against = over(_read(db, day) + cost, limit)
            if against is None:
                _write(db, day, cost)
        return day, against

    def _add(self, day: str, cost: Cost) -> None:
        with self._open() as db:
            _write(db, day, cost)

    @contextmanager
    def _open(self) -> Generator[sqlite3.Connection]:
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with closing(sqlite3.connect(self.path, timeout=_BUSY_SECONDS, isolation_level=None)) as db:
                db.execute("BEGIN IMMEDIATE")
                db.execute(_TABLE)
                yield db
                db.execute("COMMIT")
        except (sqlite3.Error, OSError) as error:
            raise EngineError(
                f"the ledger {self.path} cannot be used ({type(error).__name__}), so nothing is spent: repair or "
                "delete the file, or set `ledger_path` (UNINER_LEDGER_PATH)"
            ) from None


def _read(db: sqlite3.Connection, day: str) -> Cost:
    row = db.execute(_READ, (day,)).fetchone()
    return Cost(*row) if row else Cost()


def _write(db: sqlite3.Connection, day: str, cost: Cost) -> None:
    db.execute(_ADD, (day, cost.questions, cost.input_tokens, cost.output_tokens, cost.usd))
