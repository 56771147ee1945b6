"""Relations that are known: judged pairs of type names, and what follows from them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

TABLE = Path(__file__).with_name("relations.tsv")
"""The judged pairs: a header line, then `type a`, `type b`, `relation`, separated by tabs."""


class Relation(StrEnum):
    """How type a is related to type b."""

    SAME = "same"
    """Two names of one type: film, movie."""
    KIND_OF = "kind-of"
    """Every a is a b: novelist, person."""
    INCLUDES = "includes"
    """Every b is an a: person, novelist."""
    OVERLAP = "overlap"
    """Some a are b, and some are not: politician, lawyer."""
    PART_OF = "part-of"
    """An a is a part, place or property of a b, and never a b: chapter, book."""
    HAS_PART = "has-part"
    """A b is a part, place or property of an a, and never an a: book, chapter."""
    DISJOINT = "disjoint"
    """Nothing is both, though the names may be close: song, album."""

    @property
    def inverse(self) -> Relation:
        """How type b is related to type a."""
        return _INVERSE.get(self, self)


_INVERSE = {
    Relation.KIND_OF: Relation.INCLUDES,
    Relation.INCLUDES: Relation.KIND_OF,
    Relation.PART_OF: Relation.HAS_PART,
    Relation.HAS_PART: Relation.PART_OF,
}


@dataclass(frozen=True, slots=True)
class TypeRelation:
    """How type a is related to type b.

    `relation` is None if the most probable relation is not probable enough to be relied on. `probability` is that of
    the most probable relation; it is 1 for pairs that were judged by hand, and for what follows from them.
    """

    relation: Relation | None
    probability: float


_APART = frozenset({Relation.DISJOINT, Relation.PART_OF, Relation.HAS_PART})


def read_relations(path: Path = TABLE) -> list[tuple[str, str, Relation]]:
    """Read judged pairs from a table."""
    with path.open(encoding="utf-8") as lines:
        next(lines)
        rows = [line.rstrip("\n").split("\t") for line in lines]
    return [(a, b, Relation(relation)) for a, b, relation in rows]


_BRITISH = re.compile(
    r"(?<=\w)(isation)|(?<=col|hon|lab|hum|arm)(our)|\b(centre)|(?<=\bthea)(tre)|(?<=defen|licen)(ce)\b"
)
_AMERICAN = ("", "ization", "or", "center", "ter", "se")


class Known:
    """Judged pairs and their consequences.

    `same` is symmetric and transitive, `kind-of` is transitive, and what is disjoint from a type is disjoint from every
    kind of it.
    """

    def __init__(self, rows: Iterable[tuple[str, str, Relation]]) -> None:
        self._direct: dict[tuple[str, str], Relation] = {}
        self._related: defaultdict[Relation, defaultdict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        for a, b, relation in rows:
            for one, other, how in ((a, b, relation), (b, a, relation.inverse)):
                self._direct[one, other] = how
                self._related[how][one].add(other)
        self.names = frozenset(name for pair in self._direct for name in pair)
        self.synonyms = cache(self._synonyms)
        self.broader = cache(self._broader)

    def relation(self, a: str, b: str) -> Relation | None:
        """Return how a is related to b, or None if this neither was judged nor follows."""
        a, b = self.spelt(a), self.spelt(b)
        if a == b:
            return Relation.SAME
        if (a, b) in self._direct:
            return self._direct[a, b]
        if b in self.synonyms(a):
            return Relation.SAME
        if b in self.broader(a):
            return Relation.KIND_OF
        if a in self.broader(b):
            return Relation.INCLUDES
        above = {b, *self.synonyms(b), *self.broader(b)}
        for one in (a, *self.synonyms(a), *self.broader(a)):
            if any(not above.isdisjoint(self._related[apart].get(one, ())) for apart in _APART):
                return Relation.DISJOINT
        return None

    def spelt(self, name: str) -> str:
        """Return a name as the table spells it, if it has it in American instead of British English."""
        american = _BRITISH.sub(lambda found: _AMERICAN[found.lastindex or 0], name)
        return american if name not in self.names and american in self.names else name

    def apart(self, a: str, b: str) -> bool:
        """Return whether it is known that no mention is both an a and a b."""
        return self.relation(a, b) in _APART

    def disjoint(self, name: str) -> frozenset[str]:
        """Return the types that were judged disjoint from this one, or a part or whole of it."""
        return frozenset(other for apart in _APART for other in self._related[apart].get(name, ()))

    def _synonyms(self, name: str) -> frozenset[str]:
        """Return the other names of a type."""
        return frozenset(self._reached(name, [Relation.SAME])) - {name}

    def _broader(self, name: str) -> frozenset[str]:
        """Return the types that every mention of this type also belongs to."""
        return frozenset(self._reached(name, [Relation.SAME, Relation.KIND_OF])) - self._synonyms(name) - {name}

    def _reached(self, name: str, along: list[Relation]) -> Iterator[str]:
        seen, waiting = {name}, [name]
        while waiting:
            one = waiting.pop()
            for other in {other for relation in along for other in self._related[relation].get(one, ())} - seen:
                seen.add(other)
                waiting.append(other)
                yield other


def normalised(name: str) -> str:
    """Return a type name without differences of case, underscores and white space."""
    return " ".join(name.replace("_", " ").lower().split())


@cache
def known_relations() -> Known:
    """Return the judged pairs in the package."""
    return Known(read_relations())
