"""Run the clients against our server, and check what each shows a model: run.py FOLDER [--write PAGE] [CLIENT…].

FOLDER contains their environments; `.ci/clients` makes them. Prints a line per check and `N passed, M failed`. With
--write, what was seen is written into the table in PAGE. With --keep, logs and what models were shown are kept.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import mcp.client.session
from checks import Reference, losses, shown_of
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from model import TOOL, Conversation, PlayedModel
from subjects import SERVER, SUBJECTS, Runner, Scenario

TEXT = "Marie Curie left Warsaw."
DIARY = " ".join(f"On day {day} Marie Curie met Paul Langevin in Paris." for day in range(388))
SCENARIOS = {
    "call": Scenario({"text": TEXT, "entity_types": ["person", "city"]}),
    "error": Scenario({"text": TEXT, "domain": "nowhere"}),
    "page": Scenario({"text": DIARY, "entity_types": ["person", "city"]}),
    # 960 entities, 78 kB of JSON.
    "large": Scenario({"text": DIARY, "entity_types": ["person", "city"]}, {"UNINER_MAX_RESULT_CHARS": "1000000"}),
}
MARKS = "<!-- Written by .ci/clients --write: do not edit. -->", "<!-- End of what it writes. -->"
HEAD = "| client | version | shows of a page (20 kB) | shows of everything (78 kB) | loses |\n|---|---|---|---|---|"


async def reference(cache: Path) -> Reference:
    """Return what the server sends, as its own SDK sees it."""
    mcp.client.session.DISCOVER_TIMEOUT_SECONDS = 120  # A busy machine starts the server slowly.
    results = {}
    for name, scenario in SCENARIOS.items():
        environment = {**os.environ, "UNINER_CACHE_PATH": str(cache), **scenario.env}
        server = StdioServerParameters(command=str(SERVER), args=["serve"], env=environment)
        with open(os.devnull, "w", encoding="utf-8") as log:
            async with Client(stdio_client(server, errlog=log)) as client:
                (tool,) = [tool for tool in (await client.list_tools()).tools if tool.name == TOOL]
                result = await client.call_tool(TOOL, scenario.arguments)
                results[name] = "\n".join(getattr(part, "text", "") for part in result.content)
    return Reference(tool.description or "", tool.input_schema, results)


def seen(name: str, model: PlayedModel, said: str) -> dict[str, Conversation]:
    """Return the conversations of a client by scenario; the SDKs print theirs, because they have no model."""
    if SUBJECTS[name].how != "sdk":
        return {scenario: model.conversations.get((name, scenario), Conversation()) for scenario in SCENARIOS}
    lines = [line for line in said.splitlines() if line.startswith("{")]
    printed = json.loads(lines[-1]) if lines else {"tool": None, "results": {}}
    return {scenario: Conversation(printed["tool"], **printed["results"].get(scenario, {})) for scenario in SCENARIOS}


def check(runner: Runner, model: PlayedModel, sent: Reference, name: str) -> tuple[int, int, str]:
    """Run a client and print what it loses. Returns the number of checks that passed and failed, and its row."""
    began = time.monotonic()
    said = runner.run(name)
    found = seen(name, model, said)
    log = {scenario: {"tool": one.tool, "result": one.result} for scenario, one in found.items()}
    (runner.scratch / f"{name}.json").write_text(json.dumps(log, indent=1, ensure_ascii=False), encoding="utf-8")
    title, version = SUBJECTS[name].title, runner.version(name)
    lost = losses(sent, found)
    for what, parts in lost.items():
        print(f"FAIL  {title}: {what}: lost {', '.join(parts)}" if parts else f"ok    {title}: {what}")
    if any(lost.values()):
        print("\n".join(f"    | {line}" for line in said.splitlines()[-30:]))
    shown = [shown_of(sent, found, scenario) for scenario in ("page", "large")]
    print(f"      {title} {version}: {'; '.join(shown)}; {time.monotonic() - began:.0f} s", flush=True)
    everything = "; ".join(part for parts in lost.values() for part in parts) or "nothing"
    failed = sum(bool(parts) for parts in lost.values())
    return len(lost) - failed, failed, f"| {title} | {version} | {' | '.join(shown)} | {everything} |"


def write(page: Path, rows: Mapping[str, str]) -> None:
    """Write rows, by the title of their client, into the table of a page; those of other clients stay."""
    text = page.read_text(encoding="utf-8")
    before, rest = text.split(MARKS[0])
    table, after = rest.split(MARKS[1])
    known = {line.split(" | ")[0].removeprefix("| "): line for line in table.splitlines() if line.startswith("| ")}
    titles = [subject.title for subject in SUBJECTS.values()]
    kept = [row for title in titles if (row := rows.get(title, known.get(title))) is not None]
    page.write_text("\n".join([f"{before}{MARKS[0]}", "", HEAD, *kept, "", f"{MARKS[1]}{after}"]), encoding="utf-8")


def main() -> int:
    """Run the clients named on the command line, or all."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--write", type=Path)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("clients", nargs="*")
    given = parser.parse_intermixed_args()
    with (
        tempfile.TemporaryDirectory() as temporary,
        PlayedModel({name: one.arguments for name, one in SCENARIOS.items()}) as model,
    ):
        scratch = (given.keep or Path(temporary)).resolve()
        scratch.mkdir(parents=True, exist_ok=True)
        runner = Runner(given.folder, scratch, model.url, SCENARIOS)
        sent = asyncio.run(reference(runner.cache))
        print(*(f"{name}: {len(result):,} characters" for name, result in sent.results.items()), sep="; ", flush=True)
        passed = failed = 0
        for name in given.clients or SUBJECTS:
            right, wrong, row = check(runner, model, sent, name)
            passed, failed = passed + right, failed + wrong
            if given.write:
                write(given.write, {SUBJECTS[name].title: row})
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
