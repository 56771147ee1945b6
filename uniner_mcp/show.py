"""What the command line shows a person: highlighted text, tables, checks. Colours only where there is a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from uniner_mcp.doctor.check import Check
from uniner_mcp.schema import DomainList, Extraction

_COLOURS = ("cyan", "green", "magenta", "yellow", "blue", "red", "bright_cyan", "bright_green", "bright_magenta")


def show_highlight(text: str, extraction: Extraction) -> None:
    """The text with each entity marked and followed by its type; what is to be known goes to stderr."""
    kinds = list(dict.fromkeys(entity.type for entity in extraction.entities))
    shown = Text()
    position = 0
    for entity in extraction.entities:
        if entity.start < position:
            continue  # Inside the one before it: the table and the JSON show all.
        style = _COLOURS[kinds.index(entity.type) % len(_COLOURS)]
        shown.append(text[position : entity.start])
        shown.append(f"[{text[entity.start : entity.end]}]", style=f"bold {style}")
        shown.append(f"({entity.type})", style=f"italic {style}")
        position = entity.end
    shown.append(text[position:])
    Console(soft_wrap=True, highlight=False).print(shown)
    _show_notes(extraction)


def show_table(extraction: Extraction) -> None:
    """One row an entity: offsets, type, mention, confidence."""
    table = Table("start", "end", "type", "entity", "confidence")
    for entity in extraction.entities:
        sure = "" if entity.confidence is None else f"{entity.confidence:.2f}"
        table.add_row(str(entity.start), str(entity.end), Text(entity.type), Text(entity.text), sure)
    Console().print(table)
    _show_notes(extraction)


def _show_notes(extraction: Extraction) -> None:
    console = Console(stderr=True, highlight=False)
    if not extraction.entities and not extraction.unanswered:
        console.print("nothing was found: another word for the type, or a definition of it (--define), may help")
    for missing in extraction.unanswered:
        console.print(Text(f"unanswered: {missing.type}: {missing.reason}", style="yellow"))
    for missing in extraction.teacher_missing or ():
        console.print(Text(f"not asked of the teacher ({missing.questions}): {missing.reason}", style="yellow"))
    if extraction.ungrounded:
        console.print(f"{extraction.ungrounded} mentions were not in the text and were dropped", style="yellow")
    if extraction.truncated:
        console.print("entities are missing: beyond --limit, or cut off in the model's answer", style="yellow")


def show_domains(catalogue: DomainList) -> None:
    """One row a domain."""
    table = Table("domain", "entity types", "expected F1")
    for domain in catalogue.domains:
        expected = f"{domain.accuracy.f1:.1f}" if domain.accuracy else "not measured"
        table.add_row(domain.name, ", ".join(domain.entity_types), expected)
    Console().print(table)


def show_checks(checks: Sequence[Check]) -> None:
    """One line a check, with its remedy where there is a problem."""
    console = Console(soft_wrap=True, highlight=False)
    for check in checks:
        mark = Text("ok     ", style="green") if check.fine else Text("problem", style="bold red")
        console.print(mark, Text(f"{check.name}: {check.found}"))
        if check.remedy:
            console.print(Text(f"        -> {check.remedy}", style="yellow"))
