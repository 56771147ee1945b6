"""Run the clients against our server, and check what each shows a model: run.py FOLDER [--write PAGE] [CLIENT…].

FOLDER contains their environments; `.ci/clients` makes them. Prints a line per check and `N passed, M failed`. With
--write, the table in PAGE is replaced by what was seen. With --keep, logs and what models were shown are kept.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from checks import Reference, losses, shown_of_large
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from model import TOOL, Conversation, PlayedModel
from subjects import SERVER, SUBJECTS, Runner

TEXT = "Marie Curie left Warsaw."
SCENARIOS: dict[str, dict[str, Any]] = {
    "call": {"text": TEXT, "entity_types": ["person", "city"]},
    "error": {"text": TEXT, "domain": "nowhere"},
    # 960 entities; 78 kB of JSON, unless the server leaves some out.
    "large": {
        "text": " ".join(f"On day {day} Marie Curie met Paul Langevin in Paris." for day in range(388)),
        "entity_types": ["person", "city"],
    },
}
MARKS = "<!-- Written by .ci/clients --write: do not edit. -->", "<!-- End of what it writes. -->"
HEAD = "| client | version | shows the model of the large result | loses |\n|---|---|---|---|"


async def reference(cache: Path) -> Reference:
    """Return what the server sends, as its own SDK sees it."""
    environment = {**os.environ, "UNINER_CACHE_PATH": str(cache)}
    server = StdioServerParameters(command=str(SERVER), args=["serve"], env=environment)
    with open(os.devnull, "w", encoding="utf-8") as log:
        async with Client(stdio_client(server, errlog=log)) as client:
            (tool,) = [tool for tool in (await client.list_tools()).tools if tool.name == TOOL]
            results = {}
            for name, arguments in SCENARIOS.items():
                result = await client.call_tool(TOOL, arguments)
                results[name] = "\n".join(getattr(part, "text", "") for part in result.content)
    return Reference(tool.description or "", tool.input_schema, results)


def seen(name: str, model: PlayedModel, said: str) -> dict[str, Conversation]:
    """Return the conversations of a client by scenario; the SDKs print theirs, because they have no model."""
    if SUBJECTS[name].how != "sdk":
        return {scenario: model.conversations.get((name, scenario), Conversation()) for scenario in SCENARIOS}
    lines = [line for line in said.splitlines() if line.startswith("{")]
    printed = json.loads(lines[-1]) if lines else {"tool": None, "results": {}}
    return {scenario: Conversation(printed["tool"], **printed["results"].get(scenario, {})) for scenario in SCENARIOS}


def ran(runner: Runner, name: str) -> str:
    """Run a client, and return what it printed."""
    try:
        return runner.run(name)
    except subprocess.TimeoutExpired:
        return (runner.scratch / f"{name}.log").read_text(encoding="utf-8") + "\ntimed out"


def check(runner: Runner, model: PlayedModel, sent: Reference, name: str) -> tuple[int, int, str]:
    """Run a client and print what it loses. Returns the number of checks that passed and failed, and its row."""
    began = time.monotonic()
    said = ran(runner, name)
    found = seen(name, model, said)
    log = {scenario: {"tool": one.tool, "result": one.result} for scenario, one in found.items()}
    (runner.scratch / f"{name}.json").write_text(json.dumps(log, indent=1, ensure_ascii=False), encoding="utf-8")
    title, version = SUBJECTS[name].title, runner.version(name)
    lost = losses(sent, found)
    for what, parts in lost.items():
        print(f"FAIL  {title}: {what}: lost {', '.join(parts)}" if parts else f"ok    {title}: {what}")
    if any(lost.values()):
        print("\n".join(f"    | {line}" for line in said.splitlines()[-30:]))
    shown = shown_of_large(sent, found["large"])
    print(f"      {title} {version}: {shown}; {time.monotonic() - began:.0f} s", flush=True)
    everything = "; ".join(part for parts in lost.values() for part in parts) or "nothing"
    failed = sum(bool(parts) for parts in lost.values())
    return len(lost) - failed, failed, f"| {title} | {version} | {shown} | {everything} |"


def write(page: Path, rows: list[str]) -> None:
    """Replace the table in a page."""
    table = "\n".join([MARKS[0], "", HEAD, *rows, "", MARKS[1]])
    pattern = re.compile(f"{re.escape(MARKS[0])}.*?{re.escape(MARKS[1])}", re.DOTALL)
    page.write_text(pattern.sub(lambda _: table, page.read_text(encoding="utf-8")), encoding="utf-8")


def main() -> int:
    """Run the clients named on the command line, or all."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--write", type=Path)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("clients", nargs="*")
    given = parser.parse_intermixed_args()
    with tempfile.TemporaryDirectory() as temporary, PlayedModel(SCENARIOS) as model:
        scratch = (given.keep or Path(temporary)).resolve()
        scratch.mkdir(parents=True, exist_ok=True)
        runner = Runner(given.folder, scratch, model.url, SCENARIOS)
        sent = asyncio.run(reference(runner.cache))
        print(f"the large result has {len(sent.results['large']):,} characters", flush=True)
        outcomes = [check(runner, model, sent, name) for name in given.clients or SUBJECTS]
    if given.write:
        write(given.write, [row for _, _, row in outcomes])
    failed = sum(failed for _, failed, _ in outcomes)
    print(f"{sum(passed for passed, _, _ in outcomes)} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
