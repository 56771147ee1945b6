"""One finding of the doctor."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at. `remedy` says what to do where it is not fine."""

    name: str
    fine: bool
    found: str
    remedy: str = ""
