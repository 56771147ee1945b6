"""Wordings of type names."""

from __future__ import annotations

import re


def plural(name: str) -> str:
    """Return the English plural of a type name, by the regular rules."""
    if re.search(r"[^aeiou]y$", name):
        return name[:-1] + "ies"
    if re.search(r"(s|x|z|ch|sh)$", name):
        return name + "es"
    return name + "s"


def wordings(name: str, definitions: list[str]) -> list[str]:
    """Return every wording of a type that training may use, the plain name first."""
    return [name, plural(name), *(f"{name}: {text}" for text in definitions), *definitions]
