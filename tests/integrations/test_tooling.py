from __future__ import annotations

import gc
import threading
from concurrent.futures.thread import _global_shutdown_lock

import pytest

from uniner_mcp.integrations.tooling import opened_for

pytestmark = pytest.mark.slow


class Owner:
    """Something that lives as long as it is named."""


def opened() -> tuple[Owner, set[threading.Thread]]:
    """An owner of an extractor that has answered, and the threads that the extractor has started."""
    opened_for(Owner())  # What is started once for all.
    before = set(threading.enumerate())
    owner = Owner()
    assert opened_for(owner).extract("Ada wrote.", entity_types=["person"]).entities
    return owner, {thread for thread in set(threading.enumerate()) - before if "portal" in thread.name}


def test_an_extractor_is_closed_when_its_owner_is_gone() -> None:
    owner, (portal,) = opened()
    del owner
    gc.collect()
    portal.join()


def test_closing_does_not_wait_for_locks_of_the_thread_that_collects_garbage() -> None:
    owner, (portal,) = opened()
    # Starting a thread of a pool holds this lock and allocates memory, so garbage may be collected then.
    with _global_shutdown_lock:
        del owner
        gc.collect()
    portal.join()
