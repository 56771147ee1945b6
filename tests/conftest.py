"""What all tests share: one event loop, a cache of their own, and the real student loaded once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from doubles import names_engine
from hypothesis import settings

from uniner_mcp import Extractor, Settings
from uniner_mcp.engines.nano.engine import NanoEngine

# Other work on the machine must not fail a test.
settings.register_profile("patient", deadline=None)
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
    monkeypatch.chdir(tmp_path)
    return path


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
