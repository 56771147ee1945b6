"""Training passages with more layout and longer enumerations than annotated sets contain."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable

from uniner_mcp.distill.nano.names import plural
from uniner_mcp.formats.documents import Document, Span

FEWEST_NAMES = 12
"""Number of distinct mentions that types need, so that lists of them can be made."""

Types = tuple[str, ...]
Names = dict[Types, list[str]]
"""Mentions in the training sets, by the types that a mention has."""

_MARKS = ("- ", "* ", "• ", "– ", "{n}. ", "{n}) ", "({n}) ")


def collect_names(examples: Iterable[Document]) -> Names:
    """Return the distinct mentions of each combination of types that has enough of them; at most 6 words each."""
    names: defaultdict[Types, set[str]] = defaultdict(set)
    for example in examples:
        spans: defaultdict[tuple[int, int, str], set[str]] = defaultdict(set)
        for gold in example.entities:
            spans[gold.start, gold.end, gold.text].add(gold.type)
        for (_, _, text), types in spans.items():
            if "\n" not in text and "\t" not in text and len(text.split()) <= 6:
                names[tuple(sorted(types))].add(text)
    return {types: sorted(texts) for types, texts in names.items() if len(texts) >= FEWEST_NAMES}


def wrapped(rng: random.Random, example: Document) -> Document:
    """Return the passage with its lines wrapped at some width, as in mails and text files. Offsets stay the same."""
    width = rng.randint(30, 90)
    characters = list(example.text)
    column, last = 0, -1
    for index, character in enumerate(characters):
        column = 0 if character == "\n" else column + 1
        if character == " ":
            last = index
        if column > width and last >= 0:
            characters[last] = "\n"
            column, last = index - last, -1
    text = "".join(characters)
    entities = tuple(Span(text[gold.start : gold.end], gold.type, gold.start, gold.end) for gold in example.entities)
    return Document(example.id, text, entities, example.asked)


def enumerated(rng: random.Random, example: Document, names: Names) -> Document:
    """Return the passage with one of its mentions replaced by an enumeration of mentions with the same types."""
    spans: defaultdict[tuple[int, int], set[str]] = defaultdict(set)
    for gold in example.entities:
        spans[gold.start, gold.end].add(gold.type)
    alone = [
        (start, end, tuple(sorted(types)))
        for (start, end), types in spans.items()
        if tuple(sorted(types)) in names and not any(s < end and start < e and (s, e) != (start, end) for s, e in spans)
    ]
    if not alone:
        return example
    start, end, types = rng.choice(alone)
    texts = [example.text[start:end], *rng.sample(names[types], rng.randint(1, 5))]
    rng.shuffle(texts)
    separators = [", "] * (len(texts) - 1)
    if rng.random() < 0.8:
        separators[-1] = rng.choice((" and ", " and ", ", and ", " or ", " & "))
    inserted, added = "", list[Span]()
    for text, separator in zip(texts, [*separators, ""], strict=True):
        begin = start + len(inserted)
        added += [Span(text, kind, begin, begin + len(text)) for kind in types]
        inserted += text + separator
    by = len(inserted) - (end - start)
    moved = [
        Span(gold.text, gold.type, gold.start + by, gold.end + by) if gold.start >= end else gold
        for gold in example.entities
        if (gold.start, gold.end) != (start, end)
    ]
    text = example.text[:start] + inserted + example.text[end:]
    entities = sorted([*moved, *added], key=lambda gold: (gold.start, gold.end, gold.type))
    return Document(example.id, text, tuple(entities), example.asked)


def listed(rng: random.Random, names: Names, number: int) -> Document:
    """Return a passage that is a list, a table or a form of mentions, with as many kinds of them as it has columns."""
    columns = rng.sample(sorted(names), rng.choice((1, 1, 1, 2, 3)))
    rows = rng.randint(2, 9)
    lines = [[rng.choice(names[types]) for types in columns] for _ in range(rows)]
    build = _Builder()
    form = rng.random()
    if len(columns) > 1 and form < 0.35:
        _form(rng, build, columns, lines)
    elif len(columns) > 1:
        gap = rng.choice(("\t", "\t", " | ", "    ", ", ", "; "))
        if rng.random() < 0.5:
            build.write(gap.join(_heading(rng, types) for types in columns) + "\n")
        _rows(build, columns, lines, gap, "\n", "")
    else:
        if rng.random() < 0.4:
            build.write(_heading(rng, columns[0]) + rng.choice(("\n", ":\n", ":\n\n", "\n\n", ": ")))
        marks = rng.choice(_MARKS) if rng.random() < 0.5 else ""
        between = "\n" if marks else rng.choice(("\n", "\n", "\n\n", "\t", ", ", "; ", " / ", " | "))
        _rows(build, columns, lines, "", between, marks)
    return Document(f"list-{number}", build.text, tuple(build.entities))


def _form(rng: random.Random, build: _Builder, columns: list[Types], lines: list[list[str]]) -> None:
    """Write records of `field: value`, one field a line."""
    fields = [_heading(rng, types, one=True) for types in columns]
    between = rng.choice((": ", ": ", ":\t", " - ", "\n"))
    for values in lines[:4]:
        for field, types, value in zip(fields, columns, values, strict=True):
            build.write(field + between)
            build.name(value, types)
            build.write("\n")
        build.write("\n")


def _rows(build: _Builder, columns: list[Types], lines: list[list[str]], gap: str, between: str, marks: str) -> None:
    for number, values in enumerate(lines, start=1):
        build.write((between if number > 1 else "") + marks.format(n=number))
        for index, (types, value) in enumerate(zip(columns, values, strict=True)):
            build.write(gap if index else "")
            build.name(value, types)


def _heading(rng: random.Random, types: Types, *, one: bool = False) -> str:
    name = rng.choice(types)
    name = name if one or rng.random() < 0.3 else plural(name)
    return rng.choice((name, name.capitalize(), name.title(), name.upper()))


class _Builder:
    """A text under construction, with the mentions in it."""

    def __init__(self) -> None:
        self.text = ""
        self.entities: list[Span] = []

    def write(self, text: str) -> None:
        self.text += text

    def name(self, text: str, types: Types) -> None:
        start = len(self.text)
        self.text += text
        self.entities += [Span(text, kind, start, len(self.text)) for kind in types]
