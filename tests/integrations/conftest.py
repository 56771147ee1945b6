"""The frameworks themselves, with the real student; .ci/frameworks has an environment with all of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from uniner_mcp import SyncExtractor

TEXT = "Marie Curie was born in Warsaw and studied in Paris."
GIVEN = {"text": TEXT, "entity_types": ["person", "city"]}
CITIES = ["Warsaw", "Paris"]
WRONG = {"text": TEXT}
"""Neither types nor a domain."""
MISSHAPEN = {"text": TEXT, "entity_types": ["city"], "overlap": "some"}
"""What the schema does not admit."""


@pytest.fixture(scope="session")
def reader() -> Iterator[SyncExtractor]:
    with SyncExtractor.open() as extractor:
        yield extractor
