"""Types in the words that an engine is asked with, from the spelling of a file (pure).

Engines read type names: they find nothing for `PER`. What `card.json` says comes first, then the usual codes of the
field, then the spelling itself without underscores.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

USUAL = {
    "per": "person",
    "pers": "person",
    "loc": "location",
    "org": "organization",
    "misc": "miscellaneous",
    "gpe": "geopolitical entity",
    "norp": "nationality, religious or political group",
    "fac": "facility",
    "prod": "product",
    "corp": "corporation",
    "grp": "group",
    "cw": "creative work",
    "veh": "vehicle",
    "wea": "weapon",
    "oth": "other",
}
"""Codes of CoNLL-2003, OntoNotes, ACE, MultiCoNER and GermEval, which mean the same wherever they occur."""


def worded(kinds: Iterable[str], labels: Mapping[str, str], in_words: bool) -> dict[str, str]:
    """Return each type with the words for it, "" for types to leave out.

    labels: words by type, in the spelling of the file or in any that differs in case, underscores and hyphens only.
    in_words: whether the file has plain words, of which only white space is normalised, as in requests.
    """
    loose = {_words(label): words for label, words in labels.items()}
    return {kind: _word(kind, labels, loose, in_words) for kind in kinds}


def unmatched(labels: Mapping[str, str], kinds: Iterable[str]) -> list[str]:
    """Return the labels that are the spelling of no type."""
    known = {_words(kind) for kind in kinds}
    return [label for label in labels if _words(label) not in known]


def is_spelling(words: str, kind: str) -> bool:
    """Whether the words are no others than those of the type itself."""
    return _words(words) == _words(kind)


def _word(kind: str, labels: Mapping[str, str], loose: Mapping[str, str], in_words: bool) -> str:
    said = labels.get(kind, loose.get(_words(kind)))
    if said is not None:
        return " ".join(said.split())
    if (usual := USUAL.get(kind.strip().casefold())) is not None:
        return usual
    return " ".join(kind.split()) if in_words else _words(kind)


def _words(kind: str) -> str:
    return " ".join(kind.replace("_", " ").replace("-", " ").lower().split())
