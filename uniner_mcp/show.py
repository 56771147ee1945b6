"""Output of the command line: highlighted text, tables, checks. Coloured only on a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from uniner_mcp.doctor.check import Check
from uniner_mcp.schema import (
    DistinctMention,
    DomainList,
    Entity,
    Extraction,
    FileEntity,
    FileExtraction,
    FileMention,
)

_COLOURS = ("cyan", "green", "magenta", "yellow", "blue", "red", "bright_cyan", "bright_green", "bright_magenta")
_PLACE = ("page", "line")
"""Columns for entities in a file."""


def show_highlight(text: str, extraction: Extraction) -> None:
    """Print the text with each entity marked and followed by its type; notes go to stderr."""
    kinds = list(dict.fromkeys(entity.type for entity in extraction.entities))
    shown = Text()
    position = 0
    for entity in extraction.entities:
        if entity.start < position:
            continue  # Nested in the previous entity: only the table and the JSON show it.
        style = _COLOURS[kinds.index(entity.type) % len(_COLOURS)]
        shown.append(text[position : entity.start])
        shown.append(f"[{text[entity.start : entity.end]}]", style=f"bold {style}")
        shown.append(f"({entity.type})", style=f"italic {style}")
        position = entity.end
    shown.append(text[position:])
    Console(soft_wrap=True, highlight=False).print(shown)
    show_notes(extraction)


def show_table(extraction: Extraction) -> None:
    """Print a table with one row per entity, per distinct mention or per type, whichever the extraction lists."""
    in_file = isinstance(extraction, FileExtraction)
    if extraction.counts is not None:
        table = Table("type", "entities", "distinct")
        for count in extraction.counts:
            table.add_row(Text(count.type), str(count.entities), str(count.distinct))
    elif extraction.mentions is not None:
        table = Table("type", "mention", "count", "first at", *_PLACE[: 2 * in_file])
        for mention in extraction.mentions:
            table.add_row(
                Text(mention.type), Text(mention.text), str(mention.count), str(mention.start), *_place(mention)
            )
    else:
        table = Table("start", "end", "type", "entity", "confidence", *_PLACE[: 2 * in_file])
        for entity in extraction.entities:
            sure = "" if entity.confidence is None else f"{entity.confidence:.2f}"
            table.add_row(
                str(entity.start), str(entity.end), Text(entity.type), Text(entity.text), sure, *_place(entity)
            )
    Console().print(table)
    show_notes(extraction)


def _place(found: Entity | DistinctMention) -> list[str]:
    if not isinstance(found, FileEntity | FileMention):
        return []
    return ["" if found.page is None else str(found.page), str(found.line)]


def show_notes(extraction: Extraction) -> None:
    """Print to stderr what may be missing from a result."""
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    for warning in extraction.warnings:
        console.print(Text(f"warning: {warning}", style="yellow"))
    if (
        not (extraction.entities or extraction.mentions or extraction.counts)
        and not extraction.unanswered
        and not extraction.warnings
    ):
        console.print("no entities found; try another name for the type, or define it with --define")
    for missing in extraction.unanswered:
        console.print(Text(f"unanswered: {missing.type}: {missing.reason}", style="yellow"))
    for missing in extraction.teacher_missing or ():
        console.print(Text(f"teacher did not answer ({missing.questions}): {missing.reason}", style="yellow"))
    if extraction.ungrounded:
        console.print(f"dropped {extraction.ungrounded} mentions that are not in the text", style="yellow")
    if extraction.next_start is not None:
        console.print(f"there are more than --limit: go on with --start {extraction.next_start}", style="yellow")
    elif extraction.truncated:
        console.print("entities are missing: a model's answer was cut off", style="yellow")


def show_losses(form: str, losses: Mapping[str, int]) -> None:
    """Print to stderr what a file does not hold, because its format cannot."""
    for what, number in losses.items():
        text = Text(f"not in {form}: {what} ({number})", style="yellow")
        Console(stderr=True, soft_wrap=True, highlight=False).print(text)


def show_domains(catalogue: DomainList) -> None:
    """Print a table with one row per domain."""
    table = Table("domain", "entity types", "expected F1")
    for domain in catalogue.domains:
        expected = f"{domain.accuracy.f1:.1f}" if domain.accuracy else "not measured"
        table.add_row(domain.name, ", ".join(domain.entity_types), expected)
    Console().print(table)


def show_checks(checks: Sequence[Check]) -> None:
    """Print one line per check, with a remedy for each problem."""
    console = Console(soft_wrap=True, highlight=False)
    for check in checks:
        mark = Text("ok     ", style="green") if check.fine else Text("problem", style="bold red")
        console.print(mark, Text(f"{check.name}: {check.found}"))
        if check.remedy:
            console.print(Text(f"        -> {check.remedy}", style="yellow"))
