"""Annotated sets in a folder: which there are, their passages, and the types that are asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import orjson
from pydantic import BaseModel, ValidationError

from uniner_mcp.domains import find_domain
from uniner_mcp.errors import RequestError
from uniner_mcp.evaluate.benchmark import load_benchmark
from uniner_mcp.formats.documents import Document
from uniner_mcp.formats.reading.brat import read_brat
from uniner_mcp.formats.reading.conll import SUFFIXES, read_conll
from uniner_mcp.formats.reading.datasets import read_examples
from uniner_mcp.formats.reading.reference import reference_examples
from uniner_mcp.formats.reading.tokens import is_tokens, read_tokens

ELSE_TYPES = frozenset({"misc", "miscellaneous", "other", "else", "none"})
"""Uninformative types, which the paper leaves out of its scores."""


class _Card(BaseModel):
    """Optional contents of `card.json`. labels: types in plain words, "" leaves a type out; tags: names by number."""

    domain: str | None = None
    entity_counts: dict[str, int] | None = None
    labels: dict[str, str] = {}
    tags: list[str] = []


@dataclass(frozen=True, slots=True)
class TestSet:
    """The passages of a set that are scored, and the types that are asked for each.

    domain: one of the nine, None if unknown. spans: whether offsets are annotated, not only strings.
    """

    name: str
    examples: list[Document]
    types: list[str]
    domain: str | None = None
    spans: bool = True

    __test__ = False

    def asked(self, example: Document) -> list[str]:
        """Return the types to ask for in a passage: those that were annotated in it."""
        kinds = self.types if example.asked is None else example.asked
        return [kind for kind in kinds if kind.lower() not in ELSE_TYPES]


def find_sets(data: Path, split: str) -> list[str]:
    """Return the names of all sets with that split, sorted."""
    folders = {path.parent.name for path in data.glob(f"*/{split}.*") if path.is_file()}
    brats = {path.parent.parent.name for path in data.glob(f"*/{split}/*.ann")}
    return sorted(folders | brats | {path.stem for path in data.glob("*.json")})


def load_set(data: Path, name: str, split: str, limit: int | None) -> TestSet:
    """Load the first `limit` passages of a split. Raises RequestError if it does not exist or cannot be read."""
    folder = data / name
    try:
        card = _Card.model_validate_json((folder / "card.json").read_bytes())
    except OSError:
        card = _Card()
    except ValidationError:
        raise RequestError(
            f"{folder / 'card.json'} is not a valid card: expected an object with domain, labels or tags."
        ) from None
    try:
        examples, spans = _read(data, name, split, card)
    except OSError:
        raise RequestError(f"There is no set {name} with a {split} split in {data}: check both names.") from None
    except ValueError as error:
        raise RequestError(str(error)) from None
    examples = [_in_words(example, card.labels) for example in examples]
    kinds = card.entity_counts or {gold.type: 1 for example in examples for gold in example.entities}
    kinds = {kind: 1 for name in kinds if (kind := card.labels.get(name, name))}
    if not kinds:
        raise RequestError(f"The set {name} has no entity types: list them as entity_counts in card.json.")
    return TestSet(name, examples[:limit], sorted(kinds), set_domain(name, card.domain), spans)


def set_domain(name: str, given: str | None) -> str | None:
    """Return the domain of a set: the paper's for a set of its benchmark, else that of its card, if it is known."""
    if (row := load_benchmark().row(name)) is not None:
        return row.domain
    try:
        return find_domain(given).name if given is not None else None
    except RequestError:
        return None


def _read(data: Path, name: str, split: str, card: _Card) -> tuple[list[Document], bool]:
    """Return the passages, and whether their offsets are annotated."""
    stem = data / name / split
    for suffix in (".jsonl.gz", ".jsonl"):
        if (path := stem.with_suffix(suffix)).is_file():
            if suffix == ".jsonl" and _has_tokens(path):
                return list(read_tokens(path, card.tags)), True
            return list(read_examples(path)), True
    for suffix in SUFFIXES:
        if (path := stem.with_suffix(suffix)).is_file():
            return list(read_conll(path)), True
    if stem.is_dir():
        return list(read_brat(stem)), True
    reference = stem.with_suffix(".json")
    return reference_examples(reference if reference.is_file() else data / f"{name}.json"), False


def _has_tokens(path: Path) -> bool:
    with path.open("rb") as lines:
        try:
            return is_tokens(orjson.loads(next(lines, b"{}")))
        except orjson.JSONDecodeError:
            return False


def _in_words(example: Document, labels: Mapping[str, str]) -> Document:
    """Return the same passage with its types in plain words."""
    if not labels:
        return example
    named = (replace(gold, type=labels.get(gold.type, gold.type)) for gold in example.entities)
    return replace(example, entities=tuple(gold for gold in named if gold.type))
