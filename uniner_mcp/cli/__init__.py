"""The command line: `uniner-mcp serve | install | playground | extract | domains | doctor | evaluate | …`.

Exit codes: 0 done, 1 it failed (the message says what to do), 2 wrong usage.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import webbrowser
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

import uniner_mcp
from uniner_mcp.cli.clients import install, uninstall
from uniner_mcp.cli.distill import distill_app
from uniner_mcp.cli.reporting import reported
from uniner_mcp.errors import ExtractionError, RequestError
from uniner_mcp.settings import Settings, load_settings

app = typer.Typer(help="Find any kind of entity in text.", no_args_is_help=True, add_completion=True)
cache_app = typer.Typer(help="The answers kept on disk.", no_args_is_help=True)
app.add_typer(cache_app, name="cache")
app.add_typer(distill_app, name="distill")
app.command()(install)
app.command()(uninstall)

Engine = Annotated[
    str | None, typer.Option(help="Which engine answers: auto, nano, vllm, llama-cpp or openai (any such server).")
]
Model = Annotated[
    str | None, typer.Option(help="Model of the engine: Hugging Face id or folder, GGUF file, or served name.")
]
BaseUrl = Annotated[
    str | None, typer.Option(help="Address of an OpenAI-compatible server, http://host:port/v1; several by commas.")
]
ProfileName = Annotated[str | None, typer.Option("--profile", help="How the model is asked: a name or a TOML file.")]
Fallback = Annotated[
    str | None,
    typer.Option(help="When a teacher may be asked: none, on-failure, low-confidence, teacher-only, or a TOML file."),
]
NoCache = Annotated[bool, typer.Option("--no-cache", help="Neither read nor write the cache.")]


class Transport(StrEnum):
    """How clients reach the server."""

    STDIO = "stdio"
    HTTP = "http"


def _settings(
    engine: str | None,
    model: str | None,
    base_url: str | None,
    profile: str | None,
    fallback: str | None,
    no_cache: bool = False,
) -> Settings:
    return load_settings(
        engine=engine,
        model=model,
        base_url=base_url,
        profile=profile,
        fallback=fallback,
        cache=False if no_cache else None,
    )


@app.callback(invoke_without_command=True)
def _version(
    version: Annotated[bool, typer.Option("--version", help="Print the version.", is_eager=True)] = False,
) -> None:
    if version:
        typer.echo(f"uniner-mcp {uniner_mcp.__version__}")
        raise typer.Exit


@app.command()
def serve(
    transport: Annotated[Transport, typer.Option(help="stdio for a local client, http for others.")] = Transport.STDIO,
    host: Annotated[str, typer.Option(help="Address to listen on (http).")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on (http).", min=1, max=65535)] = 8000,
    allowed_host: Annotated[
        list[str] | None, typer.Option(help="A host name under which clients reach the server (http); repeatable.")
    ] = None,
    engine: Engine = None,
    model: Model = None,
    base_url: BaseUrl = None,
    profile: ProfileName = None,
    fallback: Fallback = None,
    no_cache: NoCache = False,
) -> None:
    """Run the MCP server with its tools extract_entities and list_domains."""
    address = _Address(host, port, allowed_host or []) if transport is Transport.HTTP else None
    with reported():
        asyncio.run(_serve(_settings(engine, model, base_url, profile, fallback, no_cache), address))


@app.command()
def playground(
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)] = 8000,
    browser: Annotated[bool, typer.Option(help="Open the page in the browser.")] = True,
    engine: Engine = None,
    model: Model = None,
    base_url: BaseUrl = None,
    profile: ProfileName = None,
    fallback: Fallback = None,
    no_cache: NoCache = False,
) -> None:
    """Try texts, types and domains on a page of your own machine, through the MCP server."""
    address = _Address("127.0.0.1", port, [], playground=True, browser=browser)
    with reported():
        asyncio.run(_serve(_settings(engine, model, base_url, profile, fallback, no_cache), address))


@dataclass(frozen=True)
class _Address:
    """Where the server listens, and whether it has a page to try it on."""

    host: str
    port: int
    allowed_hosts: list[str]
    playground: bool = False
    browser: bool = False


async def _serve(settings: Settings, address: _Address | None) -> None:
    """Serve at an address, or else over stdio."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    from uniner_mcp.engines.opening import describe_choice, describe_fallback, expected_accuracy
    from uniner_mcp.extraction.extractor import Extractor
    from uniner_mcp.server.app import build_server

    async with Extractor.open(settings) as extractor:
        info = extractor.info()
        typer.echo(f"uniner-mcp: {describe_choice(settings, info.model)}", err=True)
        if info.teacher is not None:
            typer.echo(f"uniner-mcp: fallback {describe_fallback(settings)}", err=True)
        server = build_server(extractor, expected_accuracy(settings, info.model))
        if address is None:
            await server.run_stdio_async()
            return
        from uniner_mcp.server.http import ENDPOINT, check_address, run_http

        check_address(address.host, address.port)
        url = f"http://{address.host}:{address.port}"
        typer.echo(f"uniner-mcp: listening on {url}{ENDPOINT}", err=True)
        if address.playground:
            typer.echo(f"uniner-mcp: playground on {url}/ (Ctrl+C ends it)", err=True)
        if address.browser:
            asyncio.get_running_loop().call_later(0.5, webbrowser.open, f"{url}/")
        await run_http(
            server,
            extractor,
            address.host,
            address.port,
            address.allowed_hosts,
            settings.max_text_chars,
            playground=address.playground,
        )


@app.command()
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
        extraction = asyncio.run(run(content, _settings(engine, model, base_url, profile, fallback, no_cache)))
        if html is not None:
            _write(html, extraction.to_html(content))
        if as_json:
            typer.echo(extraction.model_dump_json(indent=2))
        elif table:
            show_table(extraction)
        else:
            show_highlight(content, extraction)


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


@app.command()
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
        catalogue = expected_accuracy(_settings(engine, model, base_url, profile, fallback))
        if as_json:
            typer.echo(catalogue.model_dump_json(indent=2))
        else:
            show_domains(catalogue)


@app.command()
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
        checks = examine(_settings(engine, model, base_url, profile, fallback))
    show_checks(checks)
    if not all(check.fine for check in checks):
        raise typer.Exit(1)


@app.command()
def evaluate(
    data: Annotated[Path, typer.Option(help="Folder of annotated sets, one folder a set: card.json and SPLIT.jsonl.")],
    out: Annotated[Path, typer.Option(help="Folder for predictions and report; the same call goes on from there.")],
    sets: Annotated[str | None, typer.Option(help="Names of sets, by commas; default: all in the folder.")] = None,
    domain: Annotated[str | None, typer.Option(help="Only the sets of this domain.")] = None,
    split: Annotated[str, typer.Option(help="The split that is scored.")] = "test",
    limit: Annotated[int | None, typer.Option(help="At most so many passages of a set, the first.", min=1)] = None,
    engine: Engine = None,
    model: Model = None,
    base_url: BaseUrl = None,
    profile: ProfileName = None,
    fallback: Fallback = None,
    no_cache: NoCache = False,
) -> None:
    """Measure an engine on annotated sets: F1 as in the paper, with intervals, strict spans, and what went wrong."""
    from uniner_mcp.evaluate import command

    with reported():
        settings = _settings(engine, model, base_url, profile, fallback, no_cache)
        names = [name.strip() for name in (sets or "").split(",") if name.strip()]
        asyncio.run(command.evaluate(settings, data, names, split, limit, out, domain))
        typer.echo((out / "report.md").read_text(encoding="utf-8"))
        typer.echo(f"With bars and errors: {out / 'report.html'}", err=True)


@app.command()
def benchmark(
    data: Annotated[Path | None, typer.Option(help="Folder of annotated sets: say which rows are there.")] = None,
) -> None:
    """List the 49 rows of the paper's benchmark: what was published, and how to come by each set."""
    from uniner_mcp.evaluate.benchmark import load_benchmark

    for row in load_benchmark().rows:
        status = row.status
        if data is not None and row.set is not None and (data / row.set).is_dir():
            status = "there"
        published = f"{row.f1['ChatGPT']:5.1f} {row.f1['UniNER-7B']:5.1f}"
        typer.echo(f"{row.domain:15} {row.name:20} {published}  {status:14} {row.set or '':20} {row.note}".rstrip())


def _cache_path() -> Path:
    from uniner_mcp.caches.sqlite import default_cache_path

    return load_settings().cache_path or default_cache_path()


@cache_app.command("path")
def cache_path() -> None:
    """Print where answers are kept."""
    with reported():
        typer.echo(_cache_path())


@cache_app.command("stats")
def cache_stats() -> None:
    """Print how much is kept."""
    from uniner_mcp.caches import sqlite

    with reported():
        stats = sqlite.cache_stats(_cache_path())
    typer.echo(f"path     {stats.path}\nanswers  {stats.entries}\nbytes    {stats.bytes}")
    if stats.oldest and stats.newest:
        typer.echo(f"oldest   {stats.oldest:%Y-%m-%d %H:%M} UTC\nnewest   {stats.newest:%Y-%m-%d %H:%M} UTC")


@cache_app.command("clear")
def cache_clear() -> None:
    """Forget all answers."""
    from uniner_mcp.caches import sqlite

    with reported():
        typer.echo(f"{sqlite.clear_cache(_cache_path())} answers removed")


def main() -> None:
    """Entry point of the `uniner-mcp` command."""
    app()
