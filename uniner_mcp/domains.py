"""The nine domains: their entity types, and the accuracy published for them.

The data and their sources are in `domains.toml` next to this file.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from pydantic import Field

from uniner_mcp.errors import RequestError
from uniner_mcp.schema import Accuracy, Domain, DomainList, EntityType, Frozen

_LONGEST = 40
"""Longest unknown name, in characters, for which close names are sought."""


class DomainEntry(Frozen):
    """One domain of the catalogue. `f1` is the published zero-shot F1 in percent, by model."""

    name: str
    description: str
    entity_types: tuple[str, ...] = Field(min_length=1)
    data_sets: tuple[str, ...] = Field(min_length=1)
    aliases: tuple[str, ...]
    f1: Mapping[str, float]


class _Model(Frozen):
    """A model with published figures: its name in `f1`, its aliases, and the source of the figures."""

    name: str
    aliases: tuple[str, ...]
    source: str


class _Catalogue(Frozen):
    models: tuple[_Model, ...]
    domains: tuple[DomainEntry, ...]


@cache
def _catalogue() -> _Catalogue:
    return _Catalogue.model_validate(tomllib.loads(files("uniner_mcp").joinpath("domains.toml").read_text("utf-8")))


@cache
def load_catalogue() -> Mapping[str, DomainEntry]:
    """Return all domains by name, in the order of the paper."""
    return MappingProxyType({entry.name: entry for entry in _catalogue().domains})


def _key(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter not in "-_" and not letter.isspace())


@cache
def _domains_by_key() -> dict[str, DomainEntry]:
    return {_key(name): entry for entry in _catalogue().domains for name in (entry.name, *entry.aliases)}


def find_domain(name: str) -> DomainEntry:
    """Return the domain with that name or alias; case, spaces, hyphens and underscores are ignored.

    Raises RequestError for an unknown name. The message lists the closest domains and all domains.
    """
    known, key = _domains_by_key(), _key(name)
    if key in known:
        return known[key]
    near = dict.fromkeys(known[match].name for match in get_close_matches(key, known)) if len(key) <= _LONGEST else {}
    raise RequestError(
        "There is no such domain."
        + (f" Closest: {', '.join(near)}." if near else "")
        + f" The domains are: {', '.join(load_catalogue())}."
    )


def published_accuracy(domain: DomainEntry, model: str) -> Accuracy | None:
    """Return the zero-shot figure published for `model` (by name or alias, ignoring case), or None."""
    for known in _catalogue().models:
        if model.casefold() in {name.casefold() for name in (known.name, *known.aliases)} and known.name in domain.f1:
            return Accuracy(model=known.name, f1=domain.f1[known.name], source=known.source)
    return None


def accuracy_of(catalogue: DomainList, kind: EntityType, domain: str | None) -> float | None:
    """Return the expected F1 of a type in percent: of `domain`, or of the best domain that lists the type, or None."""
    known = {entry.name: entry.accuracy.f1 for entry in catalogue.domains if entry.accuracy is not None}
    if domain is not None:
        return known.get(domain)
    name = kind.name.casefold()
    naming = (entry.name for entry in catalogue.domains if name in map(str.casefold, entry.entity_types))
    return max((known[entry] for entry in naming if entry in known), default=None)


def domain_list(model: str | None = None, measured: Mapping[str, Accuracy] | None = None) -> DomainList:
    """Return all domains, sorted by name, with their expected accuracy.

    It is the figure in `measured` (by domain name), or the one published for `model`, or None.
    """
    measured = measured or {}
    return DomainList(
        domains=[
            Domain(
                name=name,
                description=entry.description,
                entity_types=list(entry.entity_types),
                accuracy=measured.get(name) or (published_accuracy(entry, model) if model else None),
            )
            for name, entry in sorted(load_catalogue().items())
        ]
    )
