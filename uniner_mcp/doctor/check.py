"""The result of one check."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Check:
    """What one check found. `remedy` says what to do if it is not fine."""

    name: str
    fine: bool
    found: str
    remedy: str = ""
