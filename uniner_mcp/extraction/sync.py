"""The same road for callers without an event loop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Self

from anyio.from_thread import BlockingPortal, start_blocking_portal

from uniner_mcp.errors import UninerError
from uniner_mcp.extraction.extractor import Extractor
from uniner_mcp.schema import Extraction
from uniner_mcp.settings import Settings


class SyncExtractor:
    """`Extractor` for synchronous code.

        with SyncExtractor.open() as extractor:
            extraction = extractor.extract(text, entity_types=["person"])

    May be used from several threads.
    """

    def __init__(self, extractor: Extractor) -> None:
        """Take over an extractor; it is closed together with this one."""
        self._extractor = extractor
        self._starting = start_blocking_portal()
        self._portal: BlockingPortal | None = None

    @classmethod
    def open(cls, settings: Settings | None = None) -> Self:
        """As `Extractor.open`."""
        return cls(Extractor.open(settings))

    def __enter__(self) -> Self:
        self._portal = self._starting.__enter__()
        return self

    def __exit__(self, *raised: object) -> None:
        portal, self._portal = self._portal, None
        if portal is not None:
            try:
                portal.call(self._extractor.aclose)
            finally:
                self._starting.__exit__(None, None, None)

    def extract(
        self,
        text: str,
        entity_types: Sequence[str] | None = None,
        domain: str | None = None,
        definitions: Mapping[str, str] | None = None,
        *,
        min_confidence: float = 0.0,
        overlap: str = "flat",
        limit: int | None = None,
        consent: bool | None = None,
    ) -> Extraction:
        """As `Extractor.extract`."""
        if self._portal is None:
            raise UninerError("Use SyncExtractor in a `with` block: `with SyncExtractor.open() as extractor:`.")
        call = partial(
            self._extractor.extract, min_confidence=min_confidence, overlap=overlap, limit=limit, consent=consent
        )
        return self._portal.call(call, text, entity_types, domain, definitions)
