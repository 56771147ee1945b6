"""What the tests of the cache have in common."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from uniner_mcp.caches.sqlite import SqliteCache

GARBAGE = b"This is no database, and never was. " * 400


class Clock:
    """A clock that stands, for the times in the file and for pauses."""

    def __init__(self) -> None:
        self.now = datetime(2025, 1, 1, tzinfo=UTC)

    def tick(self, by: timedelta | float = 1.0) -> None:
        self.now += by if isinstance(by, timedelta) else timedelta(seconds=by)

    def time_ns(self) -> int:
        return int(self.now.timestamp() * 1000) * 10**6

    def monotonic(self) -> float:
        return self.now.timestamp()


class Warnings:
    """The messages of the warnings that were logged."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        self._caplog = caplog

    def __iter__(self) -> Iterator[str]:
        return (record.getMessage() for record in self._caplog.records if record.levelno >= logging.WARNING)


@asynccontextmanager
async def opened(path: Path, **options: Any) -> AsyncGenerator[SqliteCache]:
    cache = SqliteCache(path, **options)
    try:
        yield cache
    finally:
        await cache.aclose()


def a_file(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path
