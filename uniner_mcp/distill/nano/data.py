"""Training questions for the span student: which types are asked for each passage, and how they are worded."""

from __future__ import annotations

import logging
import random
import tomllib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import orjson

from uniner_mcp.distill.nano.layout import collect_names, enumerated, listed, wrapped
from uniner_mcp.distill.nano.names import wordings
from uniner_mcp.formats.documents import Document
from uniner_mcp.formats.reading.datasets import DataSet
from uniner_mcp.types.known import Known

logger = logging.getLogger(__name__)

MAX_TYPES = 40
"""Maximum number of types asked for a passage in one step."""
BROADER = 2
"""Maximum number of broader types (person, for a novelist) asked in addition."""
DISJOINT = 4
"""Maximum number of types asked in addition that have no mention in common with an annotated type."""
LISTS = 0.15
"""Number of lists, tables and forms per annotated passage."""
ENUMERATED = 0.15
"""Share of passages in which a mention is replaced by an enumeration."""
WRAPPED = 0.1
"""Share of passages with wrapped lines."""
UNRELATED = 0.40
"""Cosine of sentence vectors below which two types count as unrelated in meaning."""
NEARLY_THE_SAME = 0.60
"""Cosine above which an absent type of a fully annotated set may be a synonym of a present one ("movie name")."""
LOWERED = 0.25
"""Share of passages shown in lower case, like queries and chats."""

# Types so general that a passage may well contain one that it was not annotated for: never sampled as negatives.
_EVERYWHERE = frozenset(
    (
        *("person", "organization", "location", "country", "city", "date", "year", "time", "event", "product"),
        *("company", "place", "number", "quantity", "price", "animal", "object", "group", "people", "concept"),
        *("title", "name", "topic", "field", "percentage", "duration", "money", "language", "work"),
    )
)


@dataclass(frozen=True, slots=True)
class Source:
    """One training set: its name, its examples, and how many of them are sampled per epoch (0: all)."""

    name: str
    examples: list[Document]
    types: list[str]
    per_epoch: int
    open: bool


@dataclass(frozen=True, slots=True)
class Asked:
    """A type that is asked for a passage, and its wording.

    `names`: the annotated types whose mentions answer it. `everywhere` is False if it is only known for the annotated
    mentions of the passage whether they are of this type.
    """

    wording: str
    names: frozenset[str]
    everywhere: bool = True


@dataclass(frozen=True, slots=True)
class Item:
    """One passage with its asked types."""

    example: Document
    types: list[Asked]
    lowered: bool


def load_sources(data: Path) -> list[Source]:
    """Read the training splits named in sets.toml from `data/<set>/`; missing sets are logged."""
    table = tomllib.loads(Path(__file__).with_name("sets.toml").read_text(encoding="utf-8"))
    sources: list[Source] = []
    for name, row in table.items():
        if not (data / name).is_dir():
            logger.warning("Training without %s, which is not in %s.", name, data)
            continue
        dataset = DataSet(name, data / name)
        examples = dataset.split("train")
        sources.append(Source(name, examples, dataset.types(), row["per_epoch"], row.get("open", False)))
    return sources


def load_definitions(data: Path) -> dict[str, list[str]]:
    """Read the definitions of types from synthetic_open, one or more sentences each."""
    raw = orjson.loads((data / "synthetic_open" / "definitions.json").read_bytes())
    return {name: [text] if isinstance(text, str) else list(text) for name, text in raw.items()}


class Sampler:
    """Samples the items of an epoch. All randomness comes from the seed and the number of the epoch."""

    def __init__(
        self, sources: list[Source], definitions: dict[str, list[str]], related: Related, known: Known, seed: int
    ) -> None:
        self._sources = sources
        self._definitions = definitions
        self._related = related
        self._known = known
        self._seed = seed
        self._names = {source.name: collect_names(source.examples) for source in sources}
        self._listed = collect_names(example for source in sources for example in source.examples)
        counted = Counter(
            gold.type for source in sources if source.open for example in source.examples for gold in example.entities
        )
        drawn = {name: n for name, n in counted.items() if name not in _EVERYWHERE}
        self._drawn = list(drawn)
        self._weights = [float(n) for n in drawn.values()]

    def epoch(self, number: int) -> list[Item]:
        """Return the items of one epoch, shuffled."""
        rng = random.Random(f"{self._seed}-{number}")
        items: list[Item] = []
        for source in self._sources:
            examples = source.examples
            if 0 < source.per_epoch < len(examples):
                examples = rng.sample(examples, source.per_epoch)
            items.extend(self._item(rng, source, example) for example in examples)
        items += [self._list(rng, number) for number in range(int(LISTS * len(items)))]
        rng.shuffle(items)
        return items

    def _item(self, rng: random.Random, source: Source, example: Document) -> Item:
        if rng.random() < ENUMERATED:
            example = enumerated(rng, example, self._names[source.name])
        if rng.random() < WRAPPED:
            example = wrapped(rng, example)
        present = sorted({gold.type for gold in example.entities})
        if source.open:
            absent = [name for name in example.asked or () if name not in present]
        else:
            absent = [
                name
                for name in source.types
                if name not in present and self._related.most(name, present) < NEARLY_THE_SAME
            ]
            rng.shuffle(absent)
            absent += self._unrelated(rng, source.types, 2)
        return self._with_relations(rng, example, present, absent)

    def _list(self, rng: random.Random, number: int) -> Item:
        example = listed(rng, self._listed, number)
        present = sorted({gold.type for gold in example.entities})
        return self._with_relations(rng, example, present, self._unrelated(rng, present, rng.randint(2, 6)))

    def _with_relations(self, rng: random.Random, example: Document, present: list[str], absent: list[str]) -> Item:
        """Ask the annotated types, and others of which relations tell whether the annotated mentions are of them."""
        asked = [Asked(self._word(rng, name), frozenset({name})) for name in [*present, *absent][:MAX_TYPES]]
        named = {*present, *absent}
        broader = sorted({above for name in present for above in self._known.broader(name)} - named)
        for name in rng.sample(broader, min(BROADER, len(broader))):
            below = frozenset(one for one in present if name in self._known.broader(one))
            unsure = [one for one in present if one not in below and not self._known.apart(one, name)]
            if not unsure:
                asked.append(Asked(self._word(rng, name), below, everywhere=False))
        apart = sorted({other for name in present for other in self._known.disjoint(name)} - named)
        rng.shuffle(apart)
        sure = [name for name in apart if all(self._known.apart(one, name) for one in present)]
        asked += [Asked(self._word(rng, name), frozenset(), everywhere=False) for name in sure[:DISJOINT]]
        return Item(example, asked, rng.random() < LOWERED)

    def _unrelated(self, rng: random.Random, asked: list[str], number: int) -> list[str]:
        """Sample types by their frequency that are unrelated in meaning to every asked type."""
        drawn = rng.choices(self._drawn, self._weights, k=4 * number)
        fit = [name for name in dict.fromkeys(drawn) if self._related.most(name, asked) < UNRELATED]
        return fit[:number]

    def _word(self, rng: random.Random, name: str) -> str:
        synonyms = sorted(self._known.synonyms(name))
        if synonyms and rng.random() < 0.15:
            return rng.choice(synonyms)
        every = wordings(name, self._definitions.get(name, []))
        defined = every[2:]
        draw = rng.random()
        if defined and draw < 0.25:
            return rng.choice(defined)
        return every[1] if draw > 0.85 else name


class Related:
    """Similarity in meaning of two type names: the cosine of their frozen sentence vectors."""

    def __init__(self, vectors: dict[str, list[float]]) -> None:
        import numpy as np

        self._vectors = {name: np.asarray(vector, dtype=np.float32) for name, vector in vectors.items()}

    def most(self, name: str, others: list[str]) -> float:
        """Return the highest cosine between `name` and any of `others`."""
        mine = self._vectors[name]
        return max((float(mine @ self._vectors[other]) for other in others), default=0.0)
