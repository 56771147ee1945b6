"""`uniner-mcp extract`, `domains` and `doctor`."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import uniner_mcp
from uniner_mcp.arguments import is_absent, limit_of, result_form
from uniner_mcp.cli.options import EngineOptions, with_settings
from uniner_mcp.cli.reporting import FAILED
from uniner_mcp.errors import ExtractionError, RequestError
from uniner_mcp.settings import Settings

if TYPE_CHECKING:
    from uniner_mcp.documents.joining import Joined
    from uniner_mcp.formats.writing.choice import Format

PREDICTIONS = "label-studio-predictions"
PATIENCE = 5
"""Seconds after which `extract` says what it is waiting for."""


@with_settings()
def extract(
    text: Annotated[str | None, typer.Argument(help="The text, or - for standard input.")] = None,
    file: Annotated[
        Path | None, typer.Option("--file", "-f", help="Read a file: text, Markdown, HTML, PDF, DOCX, EML or CSV.")
    ] = None,
    types: Annotated[
        str | None, typer.Option("--types", "-t", help="Entity types, comma-separated: person,film.")
    ] = None,
    domain: Annotated[
        str | None, typer.Option("--domain", "-d", help="A domain, instead of types (see `uniner-mcp domains`).")
    ] = None,
    define: Annotated[list[str] | None, typer.Option(help="Meaning of a type, as 'type=meaning'; repeatable.")] = None,
    min_confidence: Annotated[float, typer.Option(help="Omit entities with a lower confidence (0 to 1).")] = 0.0,
    overlap: Annotated[str, typer.Option(help="Which entities may overlap: flat (none), nested or all.")] = "flat",
    limit: Annotated[int | None, typer.Option(help="List at most this many, in text order.")] = None,
    start: Annotated[int, typer.Option(help="Report only what begins at this offset or later.")] = 0,
    result: Annotated[
        str, typer.Option(help="What to list: entities, mentions (each distinct one, with its count) or counts.")
    ] = "entities",
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    table: Annotated[bool, typer.Option("--table", help="Print a table of entities.")] = False,
    form: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="Print a file: jsonl, csv, brat, conll, label-studio, doccano, prodigy, spacy or bioc.",
        ),
    ] = None,
    html: Annotated[
        Path | None, typer.Option(help="Also write an HTML page with the entities marked in the text.")
    ] = None,
    *,
    settings: Settings,
) -> None:
    """Find entities in a text and print them: highlighted, as a table, as JSON, or for an annotation tool."""
    from uniner_mcp.caches.sqlite import default_cache_path
    from uniner_mcp.extraction.consent import consent_question, wants_consent
    from uniner_mcp.extraction.extractor import Extractor
    from uniner_mcp.extraction.located import located
    from uniner_mcp.extraction.views import as_data, view
    from uniner_mcp.formats.writing.choice import find_format
    from uniner_mcp.show import show_highlight, show_table

    if file is None and text is not None and _is_file(text):
        typer.echo(f"uniner-mcp: {text!r} is taken as the text; use --file to read the file of that name.", err=True)
    if sum((as_json, table, form is not None)) > 1:
        raise RequestError("Use one of --json, --table and --format.")
    # A model's answers are to be corrected: Label Studio has predictions for that.
    target = find_format(PREDICTIONS if form == "label-studio" else form) if form is not None else None
    if is_absent(types) == is_absent(domain):
        raise RequestError("Give either --types person,film or --domain law (`uniner-mcp domains` lists the domains).")
    if text is not None and file is not None:
        raise RequestError("Give either the text or --file FILE, not both.")
    joined = _joined(file, settings) if file is not None else None
    content = joined.text if joined is not None else _read(text)
    meanings = _meanings(define or [])
    listed, most = result_form(result), limit_of(limit)

    async def run() -> uniner_mcp.Extraction:
        async with Extractor.open(settings) as extractor:
            info = extractor.info()
            waiting = f"uniner-mcp: waiting for {info.name}, model {info.model} (Ctrl+C to stop)"
            notice = asyncio.get_running_loop().call_later(PATIENCE, partial(typer.echo, waiting, err=True))
            extracting = partial(
                extractor.extract,
                content,
                types,
                domain,
                meanings,
                min_confidence=min_confidence,
                overlap=overlap,
                start=start,
            )
            first: uniner_mcp.Extraction | ExtractionError
            try:
                first = await extracting()
            except ExtractionError as error:
                first = error
            notice.cancel()
            teacher = info.teacher
            if teacher is not None and wants_consent(first) and _consents(consent_question(len(content), teacher)):
                return await extracting(consent=True)
            if isinstance(first, ExtractionError):
                raise first
            return first

    cache = settings.cache_path or default_cache_path()
    first_time = settings.cache and not cache.exists()
    found = asyncio.run(run())
    if joined is not None:
        found = located(found, joined)
    extraction = view(found, listed, most)
    if html is not None:
        _write(html, view(found, limit=most).to_html(content))
    if as_json:
        typer.echo(json.dumps(as_data(extraction), ensure_ascii=False, indent=2))
    elif table or extraction.counts is not None or extraction.mentions is not None:
        show_table(extraction)
    elif target is not None:
        _print_for(target, file.stem if file is not None else "0", content, extraction)
    else:
        show_highlight(content, extraction)
    if first_time and cache.exists():
        typer.echo(
            f"Answers are cached in {cache} (see `uniner-mcp cache`; --no-cache turns the cache off). "
            "This message is printed once.",
            err=True,
        )


def _print_for(target: Format, name: str, text: str, extraction: uniner_mcp.Extraction) -> None:
    """Print the entities in an annotation format; what it does not hold goes to stderr."""
    from uniner_mcp.formats.documents import Document, Span
    from uniner_mcp.show import show_losses, show_notes

    entities = tuple(Span(one.text, one.type, one.start, one.end, one.confidence) for one in extraction.entities)
    losses = Counter[str]()
    written = b"".join(target.encode([Document(name, text, entities)], losses))
    typer.echo(written, nl=False)
    show_notes(extraction)
    show_losses(target.name, losses)


def _consents(question: str) -> bool:
    """Ask the user, if there is a terminal to ask on."""
    return sys.stdin.isatty() and sys.stderr.isatty() and typer.confirm(question, err=True)


def _is_file(text: str) -> bool:
    try:
        return len(text.split()) == 1 and Path(text).is_file()
    except (OSError, ValueError):
        return False


def _write(path: Path, content: str) -> None:
    try:
        path.write_text(content, encoding="utf-8")
    except OSError as error:
        raise RequestError(f"Cannot write {path}: {error.strerror}.") from None


def _joined(file: Path, settings: Settings) -> Joined:
    from uniner_mcp.documents.joining import join

    document = uniner_mcp.read_document(file, max_bytes=round(settings.max_file_mb * 1_000_000))
    return join([file.name], [document])


def _read(text: str | None) -> str:
    if text is None:
        raise RequestError("Give the text as an argument, as - for standard input, or as --file FILE.")
    if text != "-":
        return text
    if sys.stdin is None:  # pyright: ignore[reportUnnecessaryComparison]
        raise RequestError("Standard input is closed: give the text as an argument, or as --file FILE.")
    try:
        return sys.stdin.buffer.read().decode("utf-8")
    except UnicodeDecodeError:
        raise RequestError("The text is not valid UTF-8: convert it first, for example with iconv -t utf-8.") from None


def _meanings(pairs: list[str]) -> dict[str, str]:
    if any("=" not in pair for pair in pairs):
        raise RequestError("--define takes 'type=meaning', such as 'left-back=the defender on the left side'.")
    return dict((name.strip(), meaning.strip()) for name, _, meaning in (pair.partition("=") for pair in pairs))


@with_settings(EngineOptions)
def domains(
    as_json: Annotated[bool, typer.Option("--json", help="Print the catalogue as JSON.")] = False,
    *,
    settings: Settings,
) -> None:
    """List the domains with their entity types and, where it is known, the expected accuracy."""
    from uniner_mcp.engines.opening import expected_accuracy
    from uniner_mcp.show import show_domains

    catalogue = expected_accuracy(settings)
    if as_json:
        typer.echo(catalogue.model_dump_json(indent=2))
    else:
        show_domains(catalogue)


@with_settings(EngineOptions)
def doctor(*, settings: Settings) -> None:
    """Check the installation (settings, engine, model files, cache) and suggest a fix for each problem."""
    from uniner_mcp.doctor import examine
    from uniner_mcp.show import show_checks

    checks = examine(settings)
    show_checks(checks)
    if not all(check.fine for check in checks):
        raise typer.Exit(FAILED)
