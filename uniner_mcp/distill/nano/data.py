"""Training questions for the span student: which types are asked for each passage, and how they are worded."""

from __future__ import annotations

import logging
import random
import re
import tomllib
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

import orjson

from uniner_mcp.formats.documents import Document
from uniner_mcp.formats.reading.datasets import DataSet

logger = logging.getLogger(__name__)

MAX_TYPES = 40
"""Maximum number of types asked for a passage in one step."""
SAMPLED_NEGATIVES = 16
"""Maximum number of types from other passages asked for an open-type passage."""
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
class Item:
    """One passage with its asked types as `(type, wording)`; gold spans are looked up by type."""

    example: Document
    types: list[tuple[str, str]]
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


class Sampler:
    """Samples the items of an epoch. All randomness comes from the seed and the number of the epoch."""

    def __init__(self, sources: list[Source], definitions: dict[str, list[str]], related: Related, seed: int) -> None:
        self._sources = sources
        self._definitions = definitions
        self._related = related
        self._seed = seed
        frequency: Counter[str] = Counter()
        self._mentions: defaultdict[str, set[str]] = defaultdict(set)
        for source in sources:
            if source.open:
                for example in source.examples:
                    frequency.update({gold.type for gold in example.entities})
                    for gold in example.entities:
                        self._mentions[gold.type].add(gold.text.lower())
        drawn = {name: n for name, n in frequency.items() if name not in _EVERYWHERE}
        self._names = list(drawn)
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
        rng.shuffle(items)
        return items

    def _item(self, rng: random.Random, source: Source, example: Document) -> Item:
        present = sorted({gold.type for gold in example.entities})
        if source.open:
            asked = list(example.asked or present)
            names = asked + self._negatives(rng, example, asked)
        else:
            absent = [
                name
                for name in source.types
                if name not in present and self._related.most(name, present) < NEARLY_THE_SAME
            ]
            rng.shuffle(absent)
            names = present + absent + self._negatives(rng, example, source.types)[:2]
        # Positives come first, so that the limit cuts off negatives only.
        names = sorted(dict.fromkeys(names), key=lambda name: name not in present)[:MAX_TYPES]
        return Item(example, [(name, self._word(rng, name)) for name in names], rng.random() < LOWERED)

    def _negatives(self, rng: random.Random, example: Document, asked: list[str]) -> list[str]:
        """Sample types by frequency, unrelated to every asked type, and without a known mention in the passage."""
        text = example.text.lower()
        drawn = rng.choices(self._names, self._weights, k=2 * SAMPLED_NEGATIVES)
        fit = [
            name
            for name in dict.fromkeys(drawn)
            if self._related.most(name, asked) < UNRELATED
            and not any(mention in text for mention in self._mentions[name])
        ]
        return fit[:SAMPLED_NEGATIVES]

    def _word(self, rng: random.Random, name: str) -> str:
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
