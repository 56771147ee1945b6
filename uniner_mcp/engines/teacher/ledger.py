"""What teachers have cost, day by day (UTC), in one SQLite file that all processes of a user share."""

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
    """Where the ledger is kept unless another place is named: in the user's folder of states."""
    return platformdirs.user_state_path("uniner-mcp") / "ledger.sqlite"


def over(cost: Cost, limit: Limit) -> str | None:
    """The first limit that `cost` is above, in words; None where it is above none."""
    tokens = cost.input_tokens + cost.output_tokens
    if limit.questions is not None and cost.questions > limit.questions:
        return f"{limit.questions} questions"
    if limit.tokens is not None and tokens > limit.tokens:
        return f"{limit.tokens} tokens"
    if limit.usd is not None and cost.usd > limit.usd + _ROUNDING:
        return f"{limit.usd} US dollars"
    return None


def today() -> str:
    """The day that is written in the ledger, in UTC."""
    return datetime.now(UTC).date().isoformat()


class Ledger:
    """Adds up what is spent. What cannot be written down is not spent: every method raises EngineError then."""

    def __init__(self, path: Path | None = None) -> None:
        """Use the file at `path`, which is made when it is first needed."""
        self.path = path or default_ledger_path()

    async def reserve(self, cost: Cost, limit: Limit) -> tuple[str, str | None]:
        """Set `cost` aside if the day's `limit` lets it: the day, and the limit that stands against it, or None.

        Atomic: of calls at the same time, also of other processes, only so many get through as fit.
        """
        return await asyncio.to_thread(self._reserve, cost, limit)

    async def settle(self, day: str, reserved: Cost, actual: Cost) -> None:
        """Put `actual` in the place of what was reserved on `day`."""
        await asyncio.to_thread(self._add, day, actual - reserved)

    def spent(self, day: str) -> Cost:
        """What was spent on `day`, what is reserved included."""
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
                f"the ledger {self.path} cannot be used ({type(error).__name__}), so that nothing is spent: mend or "
                "delete the file, or set `ledger_path` (UNINER_LEDGER_PATH)"
            ) from None


def _read(db: sqlite3.Connection, day: str) -> Cost:
    row = db.execute(_READ, (day,)).fetchone()
    return Cost(*row) if row else Cost()


def _write(db: sqlite3.Connection, day: str, cost: Cost) -> None:
    db.execute(_ADD, (day, cost.questions, cost.input_tokens, cost.output_tokens, cost.usd))
