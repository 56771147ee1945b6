from __future__ import annotations

import gc
import os
import threading

import pytest

from uniner_mcp.integrations.tooling import opened_for


class Owner:
    """Something that lives as long as it is named."""


def test_an_owner_has_one_extractor_which_is_closed_when_the_owner_is_gone() -> None:
    owner, other = Owner(), Owner()
    before = set(threading.enumerate())
    assert opened_for(owner).extract("Ada wrote.", entity_types=["person"]).entities
    (thread,) = [thread for thread in set(threading.enumerate()) - before if thread.name == "uniner"]
    assert opened_for(owner) is opened_for(owner) is not opened_for(other)
    del owner
    gc.collect()
    thread.join()


def test_a_new_process_opens_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    owner = Owner()
    ours = opened_for(owner)
    monkeypatch.setattr(os, "getpid", lambda: -1)
    assert opened_for(owner) is not ours
