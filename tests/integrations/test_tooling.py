from __future__ import annotations

import gc
import threading

import pytest

from uniner_mcp.integrations.tooling import opened_for

pytestmark = pytest.mark.slow


class Owner:
    """Something that lives as long as it is named."""


def test_an_extractor_is_closed_when_its_owner_is_gone() -> None:
    gc.collect()  # What other tests left.
    before = threading.active_count()
    owner = Owner()
    extractor = opened_for(owner)
    assert extractor.extract("Ada wrote.", entity_types=["person"]).entities and threading.active_count() > before
    del owner
    gc.collect()
    assert threading.active_count() == before
