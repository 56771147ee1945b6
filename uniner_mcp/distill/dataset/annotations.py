"""Parse the replies of a teacher into labelled passages (UniversalNER, arXiv 2308.03279, section 3.1)."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import orjson

from uniner_mcp.errors import RequestError
from uniner_mcp.evaluate.loading import ELSE_TYPES
from uniner_mcp.formats.documents import Document

UNINFORMATIVE = ELSE_TYPES | {"na", "n/a", "others", "unknown", "entity", ""}
"""Types in a teacher's answers that say nothing: those that the paper leaves out (None, NA, MISC, ELSE), and more."""
_STRING = r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'"
_PAIR = re.compile(rf"[(\[]\s*({_STRING})\s*,\s*({_STRING})\s*[)\]]")


@dataclass(frozen=True, slots=True)
class Labelled:
    """A passage with the mentions of each type found in it, in the order of the text."""

    id: str
    text: str
    mentions: Mapping[str, tuple[str, ...]]


@dataclass(slots=True)
class Losses:
    """Counts of what was left out, by reason."""

    passages: Counter[str] = field(default_factory=Counter[str])
    entities: Counter[str] = field(default_factory=Counter[str])


def read_pairs(raw: str) -> list[tuple[str, str]] | None:
    """Return the pairs of a reply such as `[("Ada", "person"), …]`; None if it is not a list.

    Pairs may be tuples or lists. From a list that is broken or cut off, the complete pairs are returned.
    """
    begin = raw.find("[")
    if begin < 0:
        return None
    try:
        listed = ast.literal_eval(raw[begin : raw.rfind("]") + 1])
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        found = [(_unquoted(first), _unquoted(second)) for first, second in _PAIR.findall(raw[begin:])]
        return found or None
    rows = cast("list[object]", listed) if isinstance(listed, list) else []
    return [cast("tuple[str, str]", tuple(cast("list[object]", row))) for row in rows if _is_pair(row)]


def normalise_type(name: str) -> str:
    """Return the name in lower case, with single spaces for underscores and white space."""
    return " ".join(name.replace("_", " ").lower().split())


def labelled_by_teacher(path: Path, losses: Losses) -> Iterator[Labelled]:
    """Read a file of annotations, one passage at a time.

    Left out and counted: replies that cannot be read, entities that are not in the passage, uninformative types, and
    passages without any entity left. Raises RequestError, with file and line, if a line is not an annotation.
    """
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                row = orjson.loads(line)
                name, text, raw, declined = str(row["id"]), row["text"], row["raw"], row["error"]
            except (orjson.JSONDecodeError, KeyError, TypeError):
                raise RequestError(
                    f"{path}, line {number}: expected an annotation written by `distill annotate`."
                ) from None
            pairs = None if declined else read_pairs(raw)
            if pairs is None:
                losses.passages["declined" if declined else "unreadable"] += 1
                continue
            if (labelled := label(name, text, pairs, losses)) is not None:
                yield labelled


def labelled_by_set(examples: Iterable[Document], losses: Losses) -> Iterator[Labelled]:
    """Yield the examples of an annotated set in the same form."""
    for example in examples:
        pairs = [(gold.text, gold.type) for gold in example.entities]
        if (labelled := label(example.id, example.text, pairs, losses)) is not None:
            yield labelled


def label(name: str, text: str, pairs: Iterable[tuple[str, str]], losses: Losses) -> Labelled | None:
    """Return a passage with the usable pairs; None if there are none."""
    mentions: dict[str, dict[str, int]] = {}
    for written, kind in pairs:
        entity, kind = written.strip(), normalise_type(kind)
        where = text.find(entity)
        if kind in UNINFORMATIVE:
            losses.entities["of no real type"] += 1
        elif not entity or where < 0:
            losses.entities["not in the passage"] += 1
        else:
            mentions.setdefault(kind, {})[entity] = where
    if not mentions:
        losses.passages["without entities"] += 1
        return None
    ordered = {kind: tuple(sorted(found, key=found.__getitem__)) for kind, found in mentions.items()}
    return Labelled(name, text, ordered)


def type_counts(passages: Iterable[Labelled]) -> Counter[str]:
    """Count the entities of each type."""
    counts: Counter[str] = Counter()
    for passage in passages:
        counts.update({kind: len(found) for kind, found in passage.mentions.items()})
    return counts


def head_and_tail(counts: Counter[str]) -> dict[str, dict[str, float]]:
    """The paper's table 1: the most frequent 1 % of types, the next 9 %, the rest, and their shares in percent."""
    ranked = [number for _, number in counts.most_common()]
    first, tenth, total = -(-len(ranked) // 100), -(-len(ranked) // 10), sum(ranked)
    parts = {"top 1 %": ranked[:first], "1 % to 10 %": ranked[first:tenth], "the rest": ranked[tenth:]}
    return {
        name: {"types": len(part), "share": round(100 * sum(part) / total, 1) if total else 0.0}
        for name, part in parts.items()
    }


def _unquoted(written: str) -> str:
    try:
        return str(ast.literal_eval(written))
    except (ValueError, SyntaxError):
        return written[1:-1]


def _is_pair(row: object) -> bool:
    if not isinstance(row, tuple | list):
        return False
    items = cast("list[object]", row)
    return len(items) == 2 and all(isinstance(item, str) for item in items)
