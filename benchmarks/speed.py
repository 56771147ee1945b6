"""Measure speed as ratios within one run (server overhead, cost of types, start-up), and throughput.

python benchmarks/speed.py

Keep the machine otherwise idle. Needs only the installed package.
"""

from __future__ import annotations

import asyncio
import datetime
import os
import platform
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx2
from echo_server import build_echo
from mcp import Client, StdioServerParameters

from uniner_mcp import Extractor, load_settings
from uniner_mcp.domains import domain_list
from uniner_mcp.server.app import build_server

HERE = Path(__file__).parent
DOCUMENT = HERE.parent / "examples" / "documents" / "workshop_on_electronic_texts.txt"
TEXT = (
    "Marie Curie was born in Warsaw in 1867. She studied at the Sorbonne in Paris, married Pierre Curie and shared the "
    "1903 Nobel Prize in Physics with him and with Henri Becquerel."
)
TYPES = ["person", "city", "university", "award", "year"]
EIGHT = ["person", "organization", "city", "country", "date", "event", "title", "document"]
SIXTEEN = [*EIGHT, "software", "format", "library", "project", "equipment", "place", "language", "profession"]
Call = Callable[[], Awaitable[object]]


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


async def alternate(ours: Call, floor: Call, calls: int) -> tuple[float, float]:
    """Return the median milliseconds of two calls, alternated so that both see the same machine."""
    times: tuple[list[float], list[float]] = ([], [])
    for number in range(calls + 20):
        for call, taken in zip((ours, floor), times, strict=True):
            began = time.perf_counter()
            await call()
            if number >= 20:
                taken.append(1000 * (time.perf_counter() - began))
    return statistics.median(times[0]), statistics.median(times[1])


def row(name: str, ours: float, floor: float, unit: str = "ms") -> None:
    print(f"{name:48} {ours:8.2f} {floor:8.2f} {unit}  ratio {ours / floor:5.2f}", flush=True)


async def overhead() -> None:
    print("\nA cached call of extract_entities, and an echo tool with the same result (median ms: ours, echo)")
    arguments = {"text": TEXT, "entity_types": TYPES}

    def pair(ours: Client, floor: Client) -> tuple[Call, Call]:
        return (
            lambda: ours.call_tool("extract_entities", arguments),
            lambda: floor.call_tool("echo", {"text_": TEXT}),
        )

    async with Extractor.open(load_settings()) as extractor:
        await extractor.extract(TEXT, TYPES)
        answer = await extractor.extract(TEXT, TYPES)
        async with Client(build_server(extractor, domain_list())) as ours, Client(build_echo(answer)) as floor:
            row("in process", *await alternate(*pair(ours, floor), 400))
    json = answer.model_dump_json()
    uniner, echo = [sys.executable, "-m", "uniner_mcp", "serve"], [sys.executable, str(HERE / "echo_server.py"), json]
    async with (
        Client(StdioServerParameters(command=uniner[0], args=uniner[1:], env=dict(os.environ))) as ours,
        Client(StdioServerParameters(command=echo[0], args=echo[1:], env=dict(os.environ))) as floor,
    ):
        row("stdio", *await alternate(*pair(ours, floor), 300))
    ports = free_port(), free_port()
    with (
        subprocess.Popen([*uniner, "--transport", "http", "--port", str(ports[0])], stderr=subprocess.DEVNULL) as first,
        subprocess.Popen([*echo, str(ports[1])], stderr=subprocess.DEVNULL) as second,
    ):
        try:
            for port in ports:
                await until_up(port)
            async with (
                Client(f"http://127.0.0.1:{ports[0]}/mcp") as ours,
                Client(f"http://127.0.0.1:{ports[1]}/mcp") as floor,
            ):
                row("HTTP", *await alternate(*pair(ours, floor), 300))
        finally:
            first.terminate()
            second.terminate()


async def until_up(port: int) -> None:
    async with httpx2.AsyncClient() as client:
        for _ in range(200):
            try:
                await client.get(f"http://127.0.0.1:{port}/")
                return
            except httpx2.TransportError:
                await asyncio.sleep(0.1)
    raise RuntimeError(f"Nothing answers on port {port}.")


async def model() -> None:
    document = DOCUMENT.read_text(encoding="utf-8")
    passage = " ".join(document.split()[:120])
    print("\nThe model, no cache (median ms of one passage of 120 words)")
    async with Extractor.open(load_settings(cache=False)) as extractor:
        await extractor.extract(passage, SIXTEEN)
        sixteen, one = await alternate(
            lambda: extractor.extract(passage, SIXTEEN), lambda: extractor.extract(passage, SIXTEEN[:1]), 60
        )
        row("16 types, 1 type", sixteen, one)
        eight, _ = await alternate(lambda: extractor.extract(passage, EIGHT), lambda: asyncio.sleep(0), 60)
        print(f"{'8 types':48} {eight:8.2f} ms")
        began = time.perf_counter()
        extraction = await extractor.extract(document, EIGHT)
        taken = time.perf_counter() - began
        passages = sum(by.questions for by in extraction.answered_by) / len(EIGHT)
        print(f"{'a document of 2,555 words, 8 types':48} {taken:8.2f} s   {passages / taken:.1f} passages/s")
        large = (document + "\n\n") * (1_000_000 // len(document))
        began = time.perf_counter()
        extraction = await extractor.extract(large, ["person"])
        taken = time.perf_counter() - began
        passages = sum(by.questions for by in extraction.answered_by)
        print(f"{f'{len(large):,} characters, 1 type':48} {taken:8.2f} s   {passages / taken:.1f} passages/s")
    print(f"{'peak memory of this process':48} {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:8.0f} MiB")


def start_up() -> None:
    print("\nFrom start to the answer to initialize over stdio (median ms of 9, in turn: ours, an empty mcp server)")
    empty = "import asyncio\nfrom mcp.server import MCPServer\nasyncio.run(MCPServer('x').run_stdio_async())"
    hello = (
        b'{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},'
        b'"clientInfo":{"name":"benchmark","version":"1"}}}\n'
    )
    times: dict[str, list[float]] = {"ours": [], "empty": []}
    for _ in range(9):
        for name, command in (("ours", ["-m", "uniner_mcp", "serve"]), ("empty", ["-c", empty])):
            began = time.perf_counter()
            with subprocess.Popen(
                [sys.executable, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            ) as process:
                assert process.stdin and process.stdout
                process.stdin.write(hello)
                process.stdin.flush()
                assert b'"serverInfo"' in process.stdout.readline()
                times[name].append(1000 * (time.perf_counter() - began))
                process.stdin.close()
                process.terminate()
    row("initialize", statistics.median(times["ours"]), statistics.median(times["empty"]))


async def main() -> None:
    print(f"{datetime.date.today()}, {platform.processor() or platform.machine()}, {os.cpu_count()} cores, "
          f"Python {platform.python_version()}")  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        os.environ["UNINER_CACHE_PATH"] = str(Path(folder) / "answers.sqlite")
        await overhead()
        await model()
        start_up()


if __name__ == "__main__":
    asyncio.run(main())
