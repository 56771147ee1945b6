"""Annotated sets in a folder: which there are, their passages, and the types that are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ValidationError

from uniner_mcp.domains import find_domain
from uniner_mcp.errors import RequestError
from uniner_mcp.evaluate.benchmark import load_benchmark
from uniner_mcp.evaluate.wording import is_spelling, unmatched, worded
from uniner_mcp.extraction.request import MAX_NAME
from uniner_mcp.formats.documents import Document, Span
from uniner_mcp.formats.reading.choice import SUFFIXES, read
from uniner_mcp.formats.reading.options import DEFAULT, OffsetUnit, Options
from uniner_mcp.formats.reading.reference import is_reference
from uniner_mcp.schema import Overlap

ELSE_TYPES = frozenset({"misc", "miscellaneous", "other", "else", "none"})
"""Uninformative types, which the paper leaves out of its scores."""
_SPLITS = ("train", "dev", "valid", "validation", "devel", "test")
FORMATS = "CoNLL columns, JSON or JSON Lines of the known tools, brat, BioC, PubTator, .spacy, or conversations"


def _columns(value: object) -> object:
    return (value,) if isinstance(value, int) else value


def _written(value: object) -> object:
    return str(value) if isinstance(value, int) else value


class _Card(BaseModel):
    """Optional contents of `card.json`. labels: types in plain words, "" leaves a type out; tags: names by number.

    The other keys are those of `Options`, for this set.
    """

    domain: str | None = None
    entity_counts: dict[str, int] | None = None
    labels: dict[str, str] = {}
    tags: tuple[str, ...] = ()
    token_column: int | None = None
    tag_column: Annotated[tuple[int, ...], BeforeValidator(_columns)] = ()
    offsets: OffsetUnit | None = None
    annotator: Annotated[str | None, BeforeValidator(_written)] = None

    def options(self, given: Options) -> Options:
        """Return how to read the set: as it was asked, or else as this card says."""
        return Options(
            tags=given.tags or self.tags,
            token_column=given.token_column or self.token_column,
            tag_column=given.tag_column or self.tag_column,
            offsets=given.offsets if given.offsets != DEFAULT.offsets else self.offsets or DEFAULT.offsets,
            annotator=given.annotator or self.annotator,
        )


@dataclass(frozen=True, slots=True)
class TestSet:
    """The passages of a set that are scored, and the types that are asked for each, in plain words.

    domain: one of the nine, None if unknown. spans: whether offsets are annotated, not only strings. nested: whether
    mentions overlap, or have several types. total: passages of the split, of which `examples` may be the first ones.
    worded: the types of the file whose words are not just their spelling.
    """

    name: str
    examples: list[Document]
    types: list[str]
    domain: str | None = None
    spans: bool = True
    nested: bool = False
    total: int | None = None
    worded: Mapping[str, str] = field(default_factory=dict[str, str])

    __test__ = False

    @property
    def overlap(self) -> Overlap:
        """Which entities may overlap in an answer: every type is asked on its own where the annotation is like that."""
        return "all" if self.nested or not self.spans else "flat"

    def asked(self, example: Document) -> list[str]:
        """Return the types to ask for in a passage: those that were annotated in it."""
        kinds = self.types if example.asked is None else example.asked
        return [kind for kind in kinds if kind.lower() not in ELSE_TYPES]


def find_sets(data: Path, split: str) -> list[str]:
    """Return the names of all sets with that split, sorted: folders with a file of the split, and conversations."""
    folders = {path.parent.name for path in data.glob(f"*/{split}.*") if path.is_file() and _is_known(path, split)}
    brats = {path.parent.parent.name for path in data.glob(f"*/{split}/*.ann")}
    return sorted(folders | brats | {path.stem for path in data.glob("*.json") if is_reference(path)})


def load_set(data: Path, name: str, split: str, limit: int | None, options: Options = DEFAULT) -> TestSet:
    """Load the first `limit` passages of a split. Raises RequestError if it does not exist or cannot be read."""
    card = _read_card(data / name / "card.json")
    path = _path(data, name, split)
    found = read(path, card.options(options))
    kinds = {*_types(found.documents), *(card.entity_counts or ())}
    if unknown := unmatched(card.labels, kinds):
        others = _other_splits(path, name)
        other = [_types(read(place, card.options(options)).documents) for place in others]
        if unknown := unmatched(dict.fromkeys(unknown, ""), set[str]().union(*other)):
            raise RequestError(
                f"{data / name / 'card.json'}: there is no type {', '.join(map(repr, unknown))} in the set, which "
                f"has: {', '.join(sorted(kinds))}. Correct `labels`, or list the type in `entity_counts`."
            )
    words = worded(kinds, card.labels, found.in_words)
    examples = [_in_words(document, words) for document in found.documents]
    types = sorted({words[kind] for kind in card.entity_counts or kinds} - {""})
    _check(name, path, types)
    return TestSet(
        name,
        examples[:limit],
        types,
        set_domain(name, card.domain),
        found.offsets,
        found.offsets and any(_overlap(document.entities) for document in examples),
        len(examples),
        {kind: word for kind, word in sorted(words.items()) if word and not is_spelling(word, kind)},
    )


def set_domain(name: str, given: str | None) -> str | None:
    """Return the domain of a set: the paper's for a set of its benchmark, else that of its card, if it is known."""
    if (row := load_benchmark().row(name)) is not None:
        return row.domain
    try:
        return find_domain(given).name if given is not None else None
    except RequestError:
        return None


def set_options(folder: Path, given: Options) -> Options:
    """Return how to read the files of a set: as it was asked, or else as its card says. Raises RequestError."""
    return _read_card(folder / "card.json").options(given)


def _read_card(path: Path) -> _Card:
    try:
        return _Card.model_validate_json(path.read_bytes())
    except OSError:
        return _Card()
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise RequestError(f"{path} is not a valid card: {where}: {first['msg']}.") from None


def _is_known(path: Path, split: str) -> bool:
    return path.name.removeprefix(split) in (*SUFFIXES, *(f"{suffix}.gz" for suffix in SUFFIXES))


def _path(data: Path, name: str, split: str) -> Path:
    """Return the file or folder of a split, the first in the order of `SUFFIXES`. Raises RequestError."""
    folder = data / name
    for suffix in SUFFIXES:
        for path in (folder / f"{split}{suffix}", folder / f"{split}{suffix}.gz"):
            if path.is_file():
                return path
    if (folder / split).is_dir():
        return folder / split
    if (data / f"{name}.json").is_file():
        return data / f"{name}.json"
    there = ", ".join(sorted(path.name for path in folder.glob(f"{split}.*")))
    said = f"{there} is in no known format ({FORMATS})" if there else f"check both names, and that it has {split}.*"
    raise RequestError(f"There is no set {name} with a {split} split in {data}: {said}.")


def _other_splits(path: Path, name: str) -> Iterator[Path]:
    """Yield the files of the other splits of a set, in the same format: they may have types that this one lacks."""
    suffix = "".join(path.suffixes)
    for split in _SPLITS if path.parent.name == name else ():
        other = path.with_name(f"{split}{suffix}")
        if other != path and other.exists():
            yield other


def _types(documents: Sequence[Document]) -> set[str]:
    return {
        kind
        for one in documents
        for kind in (
            *(entity.type for entity in one.entities),
            *(entity.type for entity in one.discontinuous),
            *(one.asked or ()),
        )
    }


def _check(name: str, path: Path, types: Sequence[str]) -> None:
    if not types:
        raise RequestError(f"The set {name} has no entity types in {path}: list them as entity_counts in card.json.")
    if long := [kind for kind in types if len(kind) > MAX_NAME]:
        raise RequestError(
            f"{path}: a type has {len(long[0])} characters, but the limit is {MAX_NAME}: shorten it in `labels`."
        )


def _in_words(document: Document, words: Mapping[str, str]) -> Document:
    """Return the same passage with its types in plain words."""
    named = (replace(one, type=words[one.type]) for one in document.entities)
    parts = (replace(one, type=words[one.type]) for one in document.discontinuous)
    asked = document.asked
    return replace(
        document,
        entities=tuple(one for one in named if one.type),
        discontinuous=tuple(one for one in parts if one.type),
        asked=None if asked is None else tuple(dict.fromkeys(words[kind] for kind in asked if words[kind])),
    )


def _overlap(entities: Sequence[Span]) -> bool:
    """Whether two mentions share a character."""
    placed = sorted((one.start, one.end) for one in entities)
    return any(start < end for (_, end), (start, _) in pairwise(placed))
