"""Validating a request (pure): returns it as frozen values, or raises a RequestError that says how to fix it.

No message repeats the text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast, get_args

from uniner_mcp.domains import find_domain
from uniner_mcp.errors import RequestError
from uniner_mcp.schema import EntityType, Overlap

MAX_NAME = 120
"""Maximum length of the name of an entity type, in characters."""
MAX_DEFINITION = 300
"""Maximum length of a definition, in characters: with the longest name it fits the type encoder in every alphabet."""


@dataclass(frozen=True, slots=True)
class Request:
    """A valid request."""

    text: str
    types: tuple[EntityType, ...]
    domain: str | None
    min_confidence: float
    overlap: Overlap
    limit: int | None


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one request."""

    max_text_chars: int
    max_types: int


def check_request(
    text: str,
    entity_types: Sequence[str] | None,
    domain: str | None,
    definitions: Mapping[str, str] | None,
    min_confidence: float,
    overlap: str,
    limit: int | None,
    limits: Limits,
) -> Request:
    """Return the request as frozen values. Raises RequestError."""
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
    if overlap not in get_args(Overlap):
        raise RequestError("`overlap` must be 'flat' (nothing overlaps), 'nested' or 'all'.")
    if not isinstance(min_confidence, int | float) or not 0 <= min_confidence <= 1:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise RequestError("`min_confidence` must be a number from 0 to 1.")
    if limit is not None and (not isinstance(limit, int) or isinstance(limit, bool) or limit < 1):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise RequestError("`limit` must be a whole number of at least 1; omit it to get all entities.")
    types = _types(entity_types, domain, definitions or {}, limits)
    asked = find_domain(domain).name if domain is not None else None
    return Request(text, types, asked, min_confidence, cast(Overlap, overlap), limit)


def _types(
    names: Sequence[str] | None, domain: str | None, definitions: Mapping[str, str], limits: Limits
) -> tuple[EntityType, ...]:
    if (names is None) == (domain is None):
        raise RequestError(
            "Give exactly one of `entity_types` (a list such as ['person', 'film']) and `domain` (see list_domains)."
        )
    chosen = find_domain(domain).entity_types if domain is not None else (names or ())
    if isinstance(chosen, str) or not all(isinstance(name, str) for name in chosen):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise RequestError("`entity_types` must be a list of strings, such as ['person', 'film'].")
    chosen = list(dict.fromkeys(" ".join(name.split()) for name in chosen))
    if not chosen:
        raise RequestError("`entity_types` is empty: name at least one type, such as 'person'.")
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
                "name, and describe the type in `definitions`."
            )
    meanings = {" ".join(name.split()): " ".join(meaning.split()) for name, meaning in definitions.items()}
    if unknown := meanings.keys() - set(chosen):
        raise RequestError(
            f"`definitions` contains {len(unknown)} type(s) that are not requested: use the same names as the types."
        )
    if not all(map(_encodable, (*chosen, *meanings.values()))):
        raise RequestError("A type or a definition contains an unpaired surrogate (U+D800 to U+DFFF): decode it first.")
    if any(len(meaning) > MAX_DEFINITION for meaning in meanings.values()):
        raise RequestError(f"A definition has more than {MAX_DEFINITION} characters: shorten it to one sentence.")
    return tuple(EntityType(name=name, definition=meanings.get(name) or None) for name in chosen)


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
