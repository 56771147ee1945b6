"""Run the clients against our server, and check what each shows a model: run.py FOLDER [--write PAGE] [CLIENT…].

FOLDER contains their environments; `.ci/clients` makes them. Prints a line per check and `N passed, M failed`. With
--write, the table in PAGE is replaced by what was seen.
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

from checks import Reference, as_json, lost_of_call, lost_of_error, lost_of_tool, shown_of_large
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from model import TOOL, Conversation, PlayedModel
from subjects import SERVER, SUBJECTS, Runner

TEXT = "Marie Curie left Warsaw."
SCENARIOS: dict[str, dict[str, Any]] = {
    "call": {"text": TEXT, "entity_types": ["person", "city"]},
    "error": {"text": TEXT, "domain": "nowhere"},
    # 77 kB of JSON.
    "large": {
        "text": " ".join(f"On day {day} Marie Curie met Paul Langevin in Paris." for day in range(388)),
        "entity_types": ["person", "city"],
    },
}
MARKS = "<!-- Written by .ci/clients --write: do not edit. -->", "<!-- End. -->"


async def reference(cache: Path) -> Reference:
    """Return what the server sends, as its own SDK sees it."""
    environment = {**os.environ, "UNINER_CACHE_PATH": str(cache)}
    parameters = StdioServerParameters(command=str(SERVER), args=["serve"], env=environment)
    async with Client(stdio_client(parameters, errlog=open(os.devnull, "w", encoding="utf-8"))) as client:  # noqa: SIM115
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
    return {name: Conversation(printed["tool"], **printed["results"].get(name, {})) for name in SCENARIOS}


def main() -> int:
    """Run the clients named on the command line, or all."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--write", type=Path)
    parser.add_argument("--keep", type=Path, help="folder for the logs and the recorded conversations")
    parser.add_argument("clients", nargs="*")
    given = parser.parse_intermixed_args()
    passed = failed = 0
    rows = []
    with tempfile.TemporaryDirectory() as temporary, PlayedModel(SCENARIOS) as model:
        scratch = given.keep.resolve() if given.keep else Path(temporary)
        scratch.mkdir(parents=True, exist_ok=True)
        sent = asyncio.run(reference(scratch / "answers.sqlite"))
        print(f"the large result has {len(sent.results['large']):,} characters")
        runner = Runner(given.folder, scratch, model.url, SCENARIOS)
        for name in given.clients or SUBJECTS:
            began = time.monotonic()
            try:
                said = runner.run(name)
            except subprocess.TimeoutExpired:
                said = (scratch / f"{name}.log").read_text(encoding="utf-8") + "\ntimed out"
            found = seen(name, model, said)
            if given.keep:
                log = {scenario: {"tool": one.tool, "result": one.result} for scenario, one in found.items()}
                (scratch / f"{name}.json").write_text(as_json(log), encoding="utf-8")
            losses = {
                "lists the tool": lost_of_tool(sent, found["call"].tool),
                "calls it": lost_of_call(found["call"]),
                "shows an error": lost_of_error(sent, found["error"]),
                "shows a large result": [] if found["large"].result else ["the result"],
            }
            title, version = SUBJECTS[name].title, runner.version(name)
            for what, lost in losses.items():
                mark, said_of = ("FAIL", f": lost {', '.join(lost)}") if lost else ("ok  ", "")
                print(f"{mark}  {title} {version} {what}{said_of}")
            failed += sum(bool(lost) for lost in losses.values())
            passed += sum(not lost for lost in losses.values())
            if any(losses.values()):
                print("\n".join(f"    | {line}" for line in said.splitlines()[-30:]))
            shown = shown_of_large(sent, found["large"])
            rows.append(f"| {title} | {version} | {shown} | {'; '.join(sum(losses.values(), [])) or 'nothing'} |")
            print(f"      {shown}; {time.monotonic() - began:.0f} s", flush=True)
    if given.write:
        head = "| client | version | shows of the large result | loses |\n|---|---|---|---|"
        page = given.write.read_text(encoding="utf-8")
        table = "\n".join([MARKS[0], "", head, *rows, "", MARKS[1]])
        pattern = f"{re.escape(MARKS[0])}.*?{re.escape(MARKS[1])}"
        given.write.write_text(re.sub(pattern, lambda _: table, page, flags=re.DOTALL), encoding="utf-8")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
