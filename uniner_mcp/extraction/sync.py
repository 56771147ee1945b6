"""The extractor for callers without an event loop."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Self

from anyio.from_thread import BlockingPortal, start_blocking_portal

from uniner_mcp.errors import UninerError
from uniner_mcp.extraction.extractor import Extractor
from uniner_mcp.extraction.request import Meanings, renamed
from uniner_mcp.schema import Extraction
from uniner_mcp.settings import Settings


class SyncExtractor:
    """`Extractor` for synchronous code. Use it in a `with` block.

        with SyncExtractor.open() as extractor:
            extraction = extractor.extract(text, entity_types=["person"])

    Several threads may share it.
    """

    def __init__(self, extractor: Extractor) -> None:
        """Create a synchronous extractor. `open` does this from the settings.

        Args:
            extractor: The extractor to use, which is closed at the end of the `with` block.
        """
        self._extractor = extractor
        self._starting = start_blocking_portal()
        self._portal: BlockingPortal | None = None

    @classmethod
    def open(cls, settings: Settings | None = None) -> Self:
        """Open an extractor with the engine that the settings select. The model loads in the background.

        Args:
            settings: The settings; default: `load_settings()`.

        Returns:
            The extractor, for use in a `with` block.

        Raises:
            SettingsError: If a setting is not valid or contradicts another.
            EngineError: If the engine cannot be opened.
        """
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
        entity_types: Sequence[str] | str | None = None,
        domain: str | None = None,
        meanings: Meanings | None = None,
        *,
        min_confidence: float | None = 0.0,
        overlap: str | None = "flat",
        limit: int | None = None,
        start: int | None = 0,
        consent: bool | None = None,
        definitions: Meanings | None = None,
    ) -> Extraction:
        """Find every mention of the given entity types in `text`, as `Extractor.extract`.

        Args:
            text: The text to search, up to the setting `max_text_chars` (default: 1,000,000 characters).
            entity_types: Entity types in plain words, such as "person", as a list or as one string with commas. Give
                either this or `domain`.
            domain: Name of a domain of the catalogue, which stands for its entity types.
            meanings: What requested types mean, in one sentence each: a mapping of names to meanings, or a list of
                objects with `type` and `meaning`.
            min_confidence: Omit entities with a lower confidence (0 to 1). Entities without a confidence are kept.
            overlap: "flat": no entities overlap, the most confident is kept; "nested": one may be inside another;
                "all": any may overlap.
            limit: Return only the first entities, up to this number; default: all. The result says from which offset
                on entities are left out (`next_start`).
            start: Return only entities that begin at this offset or later. Passages before it are not read, except the
                last one.
            consent: Whether the user agrees that the text is sent to a teacher, for fallback policies that require
                consent; None: the user was not asked.
            definitions: Deprecated name of `meanings`.

        Returns:
            The entities, with offsets in Unicode code points of `text`. Questions that failed, or were not answered
                within the setting `request_timeout_s`, are listed in `unanswered`.

        Raises:
            RequestError: If the request is not valid.
            ExtractionError: If no question could be answered.
            UninerError: If the extractor is used outside a `with` block.
        """
        if self._portal is None:
            raise UninerError("Use SyncExtractor in a `with` block: `with SyncExtractor.open() as extractor:`.")
        call = partial(
            self._extractor.extract,
            min_confidence=min_confidence,
            overlap=overlap,
            limit=limit,
            start=start,
            consent=consent,
        )
        return self._portal.call(call, text, entity_types, domain, renamed(meanings, definitions))
