"""Update the generated parts of README and docs/: tools.md, commands.md, model-card.md, scores and example outputs.

.venv/bin/python scripts/reference.py
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from mcp import Client

from uniner_mcp import Extractor, load_settings
from uniner_mcp.engines.nano.manifest import SHIPPED, read_scores
from uniner_mcp.engines.opening import expected_accuracy
from uniner_mcp.server.app import build_server

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
# The example of fallbacks.md needs a server with the Batch API: tests/engines/teacher/test_batch.py runs it.
PAGES = [ROOT / "README.md", *(page for page in sorted(DOCS.glob("*.md")) if page.name != "fallbacks.md")]
SHOWN = re.compile(r"^```(sh|python)\n((?:(?!```).*\n)+)```\n\n```\n((?:(?!```).*\n)*)```$", re.MULTILINE)
"""An example, followed by a plain block with its output."""
ZERO_SHOT = [f"crossner_{name}" for name in ("ai", "literature", "music", "politics", "science")]
ZERO_SHOT += ["mit_movie", "mit_restaurant"]
NOTE = "<!-- Written by scripts/reference.py: change the code, not this page. -->\n\n"


def main() -> None:
    """Write the pages."""
    for name, page in (("tools", tools_page), ("commands", commands_page), ("model-card", model_card_page)):
        (DOCS / f"{name}.md").write_text(page(), encoding="utf-8")
    for path in PAGES:
        path.write_text(with_scores(with_outputs(path.read_text(encoding="utf-8"))), encoding="utf-8")


def with_scores(page: str) -> str:
    """Return the page with the F1 of the shipped weights in the first column of its table of sets."""
    scores = read_scores(SHIPPED)
    if scores is None:
        return page
    f1 = {name: row["f1"] for name, row in scores.sets.items()}
    f1["**average of the seven**"] = sum(f1[name] for name in ZERO_SHOT) / len(ZERO_SHOT)
    for name, value in f1.items():
        bold = "**" * name.startswith("**")
        row = re.compile(rf"^\| {re.escape(name)} \| [*\d.]+ \|", re.MULTILINE)
        page = row.sub(f"| {name} | {bold}{value:.1f}{bold} |", page)
    return page


def with_outputs(page: str) -> str:
    """Return the page with the current output of its examples."""

    def renewed(match: re.Match[str]) -> str:
        language, example, _ = match.groups()
        return f"```{language}\n{example}```\n\n```\n{output_of(language, example)}```"

    return SHOWN.sub(renewed, page)


def output_of(language: str, example: str) -> str:
    """Return the output of an example, run in an empty folder with this environment's commands and an empty cache."""
    # Skip the set-up part of a command that sets up an environment first.
    command = re.sub(r"^.*?\.venv/bin/uniner-mcp", "uniner-mcp", example)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            **os.environ,
            "PATH": path,
            "COLUMNS": "120",
            "HOME": folder,
            "UNINER_CACHE_PATH": f"{folder}/answers.sqlite",
        }
        called = [sys.executable, "-c", example] if language == "python" else ["bash", "-c", command]
        return subprocess.run(called, cwd=folder, env=environment, capture_output=True, text=True, check=True).stdout


def model_card_page() -> str:
    """Return the model card of the shipped weights without its front matter."""
    _, _, card = (SHIPPED / "README.md").read_text(encoding="utf-8").removeprefix("---\n").partition("---\n")
    return NOTE + card.lstrip()


def tools_page() -> str:
    """Return a page on what a client sees of the server: instructions, tools, resources, prompts."""
    return asyncio.run(_tools_page())


async def _tools_page() -> str:
    # With a folder, so that the page has the tool that reads files.
    settings = load_settings(cache=False, engine="nano", fallback="none", files=[ROOT])
    async with Extractor.open(settings) as extractor:
        server = build_server(extractor, expected_accuracy(settings, extractor.info().model), settings)
        async with Client(server) as client:
            tools = (await client.list_tools()).tools
            resources = (await client.list_resources()).resources
            templates = (await client.list_resource_templates()).resource_templates
            prompts = (await client.list_prompts()).prompts
            domains: dict[str, Any] = (await client.call_tool("list_domains", {})).structured_content or {}
            said = client.instructions
    lines = ["# What a client sees", "", f"> {said}", ""]
    for tool in tools:
        lines += [f"## {tool.name}", "", tool.description or "", ""]
        marks = (tool.annotations.model_dump(by_alias=True, exclude_none=True) if tool.annotations else {}).items()
        lines += [
            "Marked as " + ", ".join(f"`{name}: {str(value).lower()}`" for name, value in marks if name != "title")
        ]
        lines += ["", *_table("argument", tool.input_schema), *_objects(tool.output_schema or {})]
    lines += ["## Domains", "", "| domain | for | entity types |", "|---|---|---|"]
    for domain in domains["domains"]:
        lines.append(f"| `{domain['name']}` | {domain['description']} | {', '.join(domain['entity_types'])} |")
    lines += ["", "## Resources and prompts", "", "| | |", "|---|---|"]
    lines += [f"| `{one.uri}` | {_line(one.description)} |" for one in resources]
    lines += [f"| `{one.uri_template}` | {_line(one.description)} |" for one in templates]
    for prompt in prompts:
        arguments = ", ".join(one.name if one.required else f"{one.name}?" for one in prompt.arguments or ())
        lines.append(f"| prompt `{prompt.name}({arguments})` | {_line(prompt.description)} |")
    return NOTE + "\n".join(lines) + "\n"


def _line(text: str | None) -> str:
    return " ".join((text or "").split()).replace("|", "\\|")


def _objects(schema: dict[str, Any]) -> list[str]:
    """Return the table of the result, and of each object in it."""
    lines = _table("result", schema)
    for name, part in schema.get("$defs", {}).items():
        if "properties" in part:
            lines += [f"**{name}**: {_line(part.get('description'))}", "", *_table("field", part)]
    return lines


def _table(head: str, schema: dict[str, Any]) -> list[str]:
    needed = schema.get("required", [])
    rows = [
        f"| `{name}`{' (required)' if head == 'argument' and name in needed else ''} | {_type(part)} "
        f"| {_line(part.get('description'))}{_default(part)} |"
        for name, part in schema.get("properties", {}).items()
    ]
    return [f"| {head} | type | |", "|---|---|---|", *rows, ""] if rows else []


def _default(schema: dict[str, Any]) -> str:
    return "" if schema.get("default") is None else f" Default: `{schema['default']}`."


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return schema["$ref"].rpartition("/")[2]
    if "anyOf" in schema:
        return " or ".join(_type(one) for one in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'])}"
    if "properties" in schema:
        return f"{{{', '.join(schema['properties'])}}}"
    return str(schema.get("type", "anything"))


def commands_page() -> str:
    """Return Typer's reference of the command line: each command with its arguments and options."""
    command = [sys.executable, "-m", "typer", "uniner_mcp.cli", "utils", "docs", "--name", "uniner-mcp"]
    written = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return NOTE + written.replace("# `uniner-mcp`", "# Command line", 1)


if __name__ == "__main__":
    main()
