"""What all tests share: one event loop, a cache of their own, and the real student loaded once."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpcore2
import pytest
from clock import Clock
from doubles import names_engine
from hypothesis import HealthCheck, settings

from uniner_mcp import Extractor, Settings
from uniner_mcp.engines.nano.engine import NanoEngine

# Other work on the machine must not fail a test, and the examples of one test share its fixtures.
settings.register_profile(
    "patient", deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
settings.load_profile("patient")

DOCUMENT = Path(__file__).parent.parent / "examples" / "documents" / "workshop_on_electronic_texts.txt"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Tests neither read nor write the user's cache or settings, and neither do the processes they start."""
    path = tmp_path / "cache" / "answers.sqlite"
    monkeypatch.setenv("UNINER_CACHE_PATH", str(path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / ".config"))
    monkeypatch.chdir(tmp_path)
    return path


@pytest.fixture(scope="session", autouse=True)
def certificates_read_once() -> Iterator[None]:
    """Each client of a server reads the certificates of all authorities (0.1 s), and no test speaks TLS."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(httpcore2, "default_ssl_context", functools.cache(httpcore2.default_ssl_context))
        yield


@pytest.fixture
def patient_client(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client of MCP waits for a server that it starts, however long that takes to import what it needs."""
    monkeypatch.setattr("mcp.client.session.DISCOVER_TIMEOUT_SECONDS", 3600)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.fixture(scope="session")
def nano() -> Iterator[NanoEngine]:
    engine = NanoEngine()
    yield engine
    engine._pool.shutdown()


@pytest.fixture
def extractor(nano: NanoEngine) -> Extractor:
    """The real student, without a cache. Not closed: the engine belongs to the session."""
    return Extractor(nano)


@pytest.fixture
def document() -> str:
    return DOCUMENT.read_text(encoding="utf-8")


@pytest.fixture
async def names() -> AsyncIterator[Extractor]:
    """An extractor over the scripted engine."""
    async with Extractor(names_engine(), Settings()) as opened:
        yield opened
