"""Validating a request (pure): returns it as frozen values, or raises a RequestError that says how to fix it.

No message repeats the text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast, get_args
from warnings import warn

from uniner_mcp.arguments import is_absent, meanings_by_type, start_of, type_names
from uniner_mcp.domains import DomainEntry, find_domain
from uniner_mcp.errors import RequestError
from uniner_mcp.schema import EntityType, Overlap

Meanings = Mapping[str, str] | Sequence[Any]
"""What types mean: objects with `type` and `meaning`, or a mapping of one to the other."""

MAX_NAME = 120
"""Maximum length of the name of an entity type, in characters."""
MAX_DEFINITION = 300
"""Maximum length of a definition, in characters: with the longest name it fits the type encoder in every alphabet."""


@dataclass(frozen=True, slots=True)
class Request:
    """A valid request. `start`: the offset from which on entities are reported."""

    text: str
    types: tuple[EntityType, ...]
    domain: str | None
    min_confidence: float
    overlap: Overlap
    start: int


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one request."""

    max_text_chars: int
    max_types: int


def check_request(
    text: str,
    entity_types: Sequence[str] | str | None,
    domain: str | None,
    meanings: Meanings | None,
    min_confidence: float | None,
    overlap: str | None,
    start: int | None,
    limits: Limits,
) -> Request:
    """Return the request as frozen values; optional arguments may also be None or empty. Raises RequestError."""
    if not isinstance(text, str) or not text or text.isspace():  # pyright: ignore[reportUnnecessaryIsInstance]
        raise RequestError("There is no text: pass a non-empty string as `text`.")
    if len(text) > limits.max_text_chars:
        raise RequestError(
            f"The text has {len(text):,} characters, but the limit is {limits.max_text_chars:,}: split it, or raise "
            "the setting `max_text_chars`."
        )
    if not _encodable(text):
        raise RequestError(
            "The text contains an unpaired surrogate (U+D800 to U+DFFF): decode it as UTF-8 or UTF-16 first."
        )
    overlap = "flat" if is_absent(overlap) else overlap
    if overlap not in get_args(Overlap):
        raise RequestError("`overlap` must be 'flat' (nothing overlaps), 'nested' or 'all'.")
    confidence = 0.0 if is_absent(min_confidence) else min_confidence
    if not isinstance(confidence, int | float) or not 0 <= confidence <= 1:
        raise RequestError("`min_confidence` must be a number from 0 to 1.")
    begin = start_of(start)
    if begin >= len(text):
        raise RequestError(
            f"`start` is {begin:,}, but the text has only {len(text):,} characters: to go on in a text, pass all of it "
            "again."
        )
    asked = None if is_absent(domain) else find_domain(cast(str, domain))
    types = _types(type_names(entity_types), asked, meanings_by_type(meanings), limits)
    return Request(text, types, asked and asked.name, confidence, cast(Overlap, overlap), begin)


def renamed(meanings: Meanings | None, definitions: Meanings | None) -> Meanings | None:
    """Return the meanings, given under their name or under the former one, of which the caller's caller is warned."""
    if definitions is None:
        return meanings
    warn("`definitions` is now called `meanings`.", DeprecationWarning, stacklevel=3)
    return definitions if is_absent(meanings) else meanings


def _types(
    names: object, domain: DomainEntry | None, meanings: Mapping[str, str], limits: Limits
) -> tuple[EntityType, ...]:
    if is_absent(names) == (domain is None):
        raise RequestError(
            "Give exactly one of `entity_types` (a list such as ['person', 'film']) and `domain` (see list_domains)."
        )
    asked = domain.entity_types if domain is not None else names
    if not isinstance(asked, Sequence) or not all(isinstance(name, str) for name in cast("Sequence[object]", asked)):
        raise RequestError("`entity_types` must be a list of strings, such as ['person', 'film'].")
    chosen = list(dict.fromkeys(" ".join(name.split()) for name in cast("Sequence[str]", asked)))
    if len(chosen) > limits.max_types:
        raise RequestError(
            f"The request has {len(chosen)} entity types, but the limit is {limits.max_types}: use several calls."
        )
    for number, name in enumerate(chosen, start=1):
        if not name:
            raise RequestError(f"Entity type number {number} is empty: name it in a word or two.")
        if len(name) > MAX_NAME:
            raise RequestError(
                f"Entity type number {number} has {len(name)} characters, but the limit is {MAX_NAME}: use a short "
                "name, and describe the type in `meanings`."
            )
    if unknown := meanings.keys() - set(chosen):
        raise RequestError(
            f"`meanings` contains {len(unknown)} type(s) that are not requested: use the same names as the types."
        )
    if not all(map(_encodable, (*chosen, *meanings.values()))):
        raise RequestError("A type or a meaning contains an unpaired surrogate (U+D800 to U+DFFF): decode it first.")
    if any(len(meaning) > MAX_DEFINITION for meaning in meanings.values()):
        raise RequestError(f"A meaning has more than {MAX_DEFINITION} characters: shorten it to one sentence.")
    return tuple(EntityType(name=name, definition=meanings.get(name) or None) for name in chosen)


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
