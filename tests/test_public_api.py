from __future__ import annotations

import uniner_mcp


def test_the_public_names_are_sorted_and_exist() -> None:
    assert uniner_mcp.__all__ == sorted(uniner_mcp.__all__)
    assert all(hasattr(uniner_mcp, name) for name in uniner_mcp.__all__)


def test_every_public_thing_is_documented() -> None:
    assert all(getattr(uniner_mcp, name).__doc__ for name in uniner_mcp.__all__ if name != "Overlap")
