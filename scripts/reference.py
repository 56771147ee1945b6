"""Write the pages of docs/ that say what the code says: docs/tools.md and docs/commands.md.

.venv/bin/python scripts/reference.py
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

from mcp import Client

from uniner_mcp import Extractor, load_settings
from uniner_mcp.engines.opening import expected_accuracy
from uniner_mcp.server.app import build_server

DOCS = Path(__file__).parent.parent / "docs"
NOTE = "<!-- Written by scripts/reference.py: change the code, not this page. -->\n\n"


def main() -> None:
    """Write both pages."""
    (DOCS / "tools.md").write_text(asyncio.run(tools_page()), encoding="utf-8")
    (DOCS / "commands.md").write_text(commands_page(), encoding="utf-8")


async def tools_page() -> str:
    """What a client is told of the server: instructions, tools, resources, prompts."""
    settings = load_settings(cache=False, engine="nano", fallback="none")
    async with Extractor.open(settings) as extractor:
        server = build_server(extractor, expected_accuracy(settings, extractor.info().model))
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
        marks = (tool.annotations.model_dump(exclude_none=True) if tool.annotations else {}).items()
        lines += ["Marked as " + ", ".join(f"`{name}: {str(value).lower()}`" for name, value in marks if name != "title")]
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
    """The result, and each object that it holds."""
    lines = _table("result", schema)
    for name, part in schema.get("$defs", {}).items():
        if "properties" in part:
            lines += [f"**{name}**: {_line(part.get('description'))}", "", *_table("field", part)]
    return lines


def _table(head: str, schema: dict[str, Any]) -> list[str]:
    needed = schema.get("required", [])
    rows = [
        f"| `{name}`{' (required)' if head == 'argument' and name in needed else ''} | {_type(part)} "
        f"| {_line(part.get('description'))} |"
        for name, part in schema.get("properties", {}).items()
    ]
    return [f"| {head} | type | |", "|---|---|---|", *rows, ""] if rows else []


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return schema["$ref"].rpartition("/")[2]
    if "anyOf" in schema:
        return " or ".join(_type(one) for one in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'])}"
    if schema.get("type") == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"object of {_type(schema['additionalProperties'])}"
    return str(schema.get("type", "anything"))


def commands_page() -> str:
    """The command line, as Typer writes it down: each command with its arguments and options."""
    command = [sys.executable, "-m", "typer", "uniner_mcp.cli", "utils", "docs", "--name", "uniner-mcp"]
    written = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    codes = "# Command line\n\nExit codes: 0 done; 1 it failed, and the message says what to do; 2 wrong usage.\n"
    return NOTE + codes + written.removeprefix("# `uniner-mcp`\n")


if __name__ == "__main__":
    main()
