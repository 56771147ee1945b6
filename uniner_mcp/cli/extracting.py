"""`uniner-mcp extract`, `domains` and `doctor`."""

from __future__ import annotations

import asyncio
import sys
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

import uniner_mcp
from uniner_mcp.cli.options import BaseUrl, Engine, Fallback, Model, NoCache, ProfileName, settings_of
from uniner_mcp.cli.reporting import reported
from uniner_mcp.errors import ExtractionError, RequestError
from uniner_mcp.settings import Settings


def extract(
    text: Annotated[str | None, typer.Argument(help="The text, or - to read standard input.")] = None,
    file: Annotated[Path | None, typer.Option("--file", "-f", help="Read the text from a UTF-8 file.")] = None,
    types: Annotated[str | None, typer.Option("--types", "-t", help="Entity types, by commas: person,film.")] = None,
    domain: Annotated[str | None, typer.Option("--domain", "-d", help="A domain instead of types.")] = None,
    define: Annotated[list[str] | None, typer.Option(help="What a type means: 'type=definition'; repeatable.")] = None,
    min_confidence: Annotated[float, typer.Option(help="Leave out less certain entities, 0 to 1.")] = 0.0,
    overlap: Annotated[str, typer.Option(help="flat, nested or all.")] = "flat",
    limit: Annotated[int | None, typer.Option(help="At most so many entities.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the Extraction as JSON.")] = False,
    table: Annotated[bool, typer.Option("--table", help="Print a table of entities.")] = False,
    html: Annotated[Path | None, typer.Option(help="Also write a page that shows the entities in the text.")] = None,
    engine: Engine = None,
    model: Model = None,
    base_url: BaseUrl = None,
    profile: ProfileName = None,
    fallback: Fallback = None,
    no_cache: NoCache = False,
) -> None:
    """Find entities in a text and show them: highlighted, as a table, or as JSON."""
    from uniner_mcp.caches.sqlite import default_cache_path
    from uniner_mcp.extraction.consent import consent_question, wants_consent
    from uniner_mcp.extraction.extractor import Extractor
    from uniner_mcp.show import show_highlight, show_table

    async def run(content: str, settings: Settings) -> uniner_mcp.Extraction:
        async with Extractor.open(settings) as extractor:
            extracting = partial(
                extractor.extract,
                content,
                [name for name in types.split(",") if name.strip()] if types is not None else None,
                domain,
                _definitions(define or []),
                min_confidence=min_confidence,
                overlap=overlap,
                limit=limit,
            )
            first: uniner_mcp.Extraction | ExtractionError
            try:
                first = await extracting()
            except ExtractionError as error:
                first = error
            teacher = extractor.info().teacher
            if teacher is not None and wants_consent(first) and _consents(consent_question(len(content), teacher)):
                return await extracting(consent=True)
            if isinstance(first, ExtractionError):
                raise first
            return first

    with reported():
        if as_json and table:
            raise RequestError("Give one of --json and --table.")
        if (types is None) == (domain is None):
            raise RequestError("Say what to look for: --types person,film, or --domain law (`uniner-mcp domains`).")
        content = _read(text, file)
        settings = settings_of(engine, model, base_url, profile, fallback, no_cache)
        kept = settings.cache_path or default_cache_path()
        first_time = settings.cache and not kept.exists()
        extraction = asyncio.run(run(content, settings))
        if html is not None:
            _write(html, extraction.to_html(content))
        if as_json:
            typer.echo(extraction.model_dump_json(indent=2))
        elif table:
            show_table(extraction)
        else:
            show_highlight(content, extraction)
        if first_time:
            typer.echo(
                f"Answers are kept in {kept} (`uniner-mcp cache`, or --no-cache); `uniner-mcp doctor` says where the "
                "model is. This is said once.",
                err=True,
            )


def _consents(question: str) -> bool:
    """The person's answer, on a terminal; without one there is nobody to ask."""
    return sys.stdin.isatty() and sys.stderr.isatty() and typer.confirm(question, err=True)


def _write(path: Path, content: str) -> None:
    try:
        path.write_text(content, encoding="utf-8")
    except OSError as error:
        raise RequestError(f"{path} cannot be written: {error.strerror}.") from None


def _read(text: str | None, file: Path | None) -> str:
    if (text is None) == (file is None):
        raise RequestError("Give the text as an argument, or - for standard input, or --file FILE.")
    try:
        if file is not None:
            # newline="" keeps \r\n, so that offsets are those of the file.
            with file.open(encoding="utf-8", newline="") as opened:
                return opened.read()
        return sys.stdin.buffer.read().decode("utf-8") if text == "-" else text or ""
    except OSError as error:
        raise RequestError(f"{file} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise RequestError("The text is not UTF-8: convert it first (iconv -t utf-8).") from None


def _definitions(pairs: list[str]) -> dict[str, str]:
    if any("=" not in pair for pair in pairs):
        raise RequestError("--define takes 'type=definition', such as 'left-back=the defender on the left side'.")
    return dict((name.strip(), meaning.strip()) for name, _, meaning in (pair.partition("=") for pair in pairs))


def domains(
    as_json: Annotated[bool, typer.Option("--json", help="Print the catalogue as JSON.")] = False,
    engine: Engine = None,
    model: Model = None,
    base_url: BaseUrl = None,
    profile: ProfileName = None,
    fallback: Fallback = None,
) -> None:
    """List the domains, their entity types, and the accuracy to expect there."""
    from uniner_mcp.engines.opening import expected_accuracy
    from uniner_mcp.show import show_domains

    with reported():
        catalogue = expected_accuracy(settings_of(engine, model, base_url, profile, fallback))
        if as_json:
            typer.echo(catalogue.model_dump_json(indent=2))
        else:
            show_domains(catalogue)


def doctor(
    engine: Engine = None,
    model: Model = None,
    base_url: BaseUrl = None,
    profile: ProfileName = None,
    fallback: Fallback = None,
) -> None:
    """Check the installation: engines, model files, cache; each problem with its remedy."""
    from uniner_mcp.doctor import examine
    from uniner_mcp.show import show_checks

    with reported():
        checks = examine(settings_of(engine, model, base_url, profile, fallback))
    show_checks(checks)
    if not all(check.fine for check in checks):
        raise typer.Exit(1)
