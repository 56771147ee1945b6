from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from caches.using import Clock, Warnings

from uniner_mcp.caches import sqlite, troubles


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "answers.sqlite"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "time_ns", clock.time_ns)
    monkeypatch.setattr(troubles, "time", SimpleNamespace(monotonic=clock.monotonic))
    return clock


@pytest.fixture
def warnings(caplog: pytest.LogCaptureFixture) -> Warnings:
    return Warnings(caplog)


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the machine is, its disk responds in time."""
    monkeypatch.setattr(sqlite, "_PATIENCE", 300.0)


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> list[sqlite3.Connection]:
    """The connections opened during the test, usable from every thread."""
    connect, connections = sqlite3.connect, list[sqlite3.Connection]()

    def noted(*args: Any, **kwargs: Any) -> sqlite3.Connection:
        connections.append(connect(*args, **kwargs, check_same_thread=False))
        return connections[-1]

    monkeypatch.setattr(sqlite3, "connect", noted)
    return connections
