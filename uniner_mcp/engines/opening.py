"""The one place where engines are put together: `limited( cached( local ) )`."""

from __future__ import annotations

from datetime import timedelta

from uniner_mcp.caches.sqlite import SqliteCache, default_cache_path
from uniner_mcp.domains import domain_list
from uniner_mcp.engines.base import Engine
from uniner_mcp.engines.cached import Cached
from uniner_mcp.engines.limited import Limited
from uniner_mcp.engines.nano.engine import NanoEngine
from uniner_mcp.engines.nano.manifest import SHIPPED, read_manifest, read_scores
from uniner_mcp.schema import DomainList
from uniner_mcp.settings import Settings


def open_engine(settings: Settings) -> Engine:
    """The engine that the settings ask for, with its limiter and its cache. The model loads in the background.

    Raises EngineError where it cannot be opened.
    """
    engine: Engine = NanoEngine(settings.nano_path)
    if settings.cache:
        age = settings.cache_max_age_days
        cache = SqliteCache(
            settings.cache_path or default_cache_path(),
            max_bytes=settings.cache_max_mb * 1024 * 1024,
            max_age=timedelta(days=age) if age is not None else None,
        )
        engine = Cached(engine, cache)
    return Limited(engine, settings.concurrency)


def expected_accuracy(settings: Settings) -> DomainList:
    """The catalogue with the accuracy that the chosen engine's model has in each domain, where it was measured."""
    folder = settings.nano_path or SHIPPED
    scores = read_scores(folder)
    return domain_list(read_manifest(folder).model, scores.domains if scores else None)
