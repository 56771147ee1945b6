"""What becomes of calls under load, beside large documents, beside idle connections, and when the server ends.

    python benchmarks/reliability.py                    # all of it, about eight minutes
    python benchmarks/reliability.py --only documents   # or idle, end, garbage, clients

Starts `uniner-mcp serve --transport http` with the embedded model on a free port of this machine, with a cache of its
own, and sends it real requests of the MCP SDK's client. Keep the machine otherwise idle.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import platform
import random
import resource
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import cast

import httpx2
from mcp import Client

DOCUMENT = Path(__file__).parent.parent / "examples" / "documents" / "workshop_on_electronic_texts.txt"
TYPES = ["person", "organization", "city", "country"]
CLIENTS, SECONDS = 200, 180
PAUSE = (2.0, 8.0)
"""Seconds between two calls of a client: around the time after which pools and servers close connections."""
DOCUMENTS, CHARACTERS = 4, 400_000
CALLS = 40
IDLE = 400
DAMAGED = 3_000
SECRET = "Zuleika Quxbury"


@dataclass(frozen=True)
class Server:
    """A running server: its process, its URL and its cache."""

    process: subprocess.Popen[bytes]
    port: int
    cache: Path

    @property
    def url(self) -> str:
        """The MCP endpoint."""
        return f"http://127.0.0.1:{self.port}/mcp"


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[Server]:
    """Start a server and wait until its model is loaded."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    cache = folder / "answers.sqlite"
    command = [sys.executable, "-m", "uniner_mcp", "serve", "--transport", "http", "--port", str(port)]
    with subprocess.Popen(
        command, stderr=(folder / "log").open("ab"), env={**os.environ, "UNINER_CACHE_PATH": str(cache)}
    ) as process:
        try:
            async with httpx2.AsyncClient() as client:
                ready = False
                while not ready:
                    with contextlib.suppress(httpx2.TransportError):
                        ready = (await client.get(f"http://127.0.0.1:{port}/ready", timeout=30)).status_code == 200
                    await asyncio.sleep(0.1)
            yield Server(process, port, cache)
        finally:
            process.terminate()


def passage(words: list[str], number: int) -> str:
    """A text of some sixty words that no other number gives."""
    start = number * 7 % (len(words) - 60)
    return f"{number}. " + " ".join(words[start : start + 60])


async def call(client: Client, text: str) -> None:
    result = await client.call_tool("extract_entities", {"text": text, "entity_types": TYPES})
    if result.is_error:
        raise RuntimeError(str(result.content[0])[:200])


async def median(calls: int, one: Callable[[int], Awaitable[None]]) -> float:
    """The median milliseconds of so many calls, one after the other."""
    times: list[float] = []
    for number in range(calls):
        began = time.perf_counter()
        await one(number)
        times.append(1000 * (time.perf_counter() - began))
    return statistics.median(times)


async def clients(folder: Path, words: list[str]) -> None:
    print(f"\n{CLIENTS} clients for {SECONDS} s, half of the texts known, pauses of {PAUSE[0]:g} to {PAUSE[1]:g} s")
    outcomes: Counter[str] = Counter()
    times: list[float] = []

    async def one(server: Server, number: int, end: float) -> None:
        rng = random.Random(number)
        async with Client(server.url) as client:
            while time.monotonic() < end:
                text = passage(words, rng.randrange(20) if rng.random() < 0.5 else rng.randrange(10**6))
                began = time.perf_counter()
                try:
                    await call(client, text)
                    outcomes["answered"] += 1
                except Exception as error:
                    outcomes[f"failed: {type(error).__name__}"] += 1
                times.append(1000 * (time.perf_counter() - began))
                await asyncio.sleep(rng.uniform(*PAUSE))

    async with serving(folder) as server:
        end = time.monotonic() + SECONDS
        await asyncio.gather(*(one(server, number, end) for number in range(CLIENTS)))
    share = statistics.quantiles(times, n=100)
    print(", ".join(f"{name} {count}" for name, count in sorted(outcomes.items())))
    print(f"median {share[49]:.0f} ms, 95 % within {share[94]:.0f} ms, slowest {max(times):.0f} ms")


async def documents(folder: Path, words: list[str]) -> None:
    print(
        f"\nShort calls beside {DOCUMENTS} documents of {CHARACTERS:,} characters (median ms: idle, beside them, ratio)"
    )
    text = " ".join(words)
    large = (text + "\n\n") * (CHARACTERS // len(text) + 1)
    async with serving(folder) as server, Client(server.url) as client:
        known = passage(words, 0)
        await call(client, known)

        async def cached(_: int) -> None:
            await call(client, known)

        async def uncached(number: int) -> None:
            await call(client, passage(words, number))

        idle = await median(CALLS, cached), await median(CALLS, lambda number: uncached(1000 + number))

        async def document(number: int) -> None:
            async with Client(server.url) as reader:
                await reader.call_tool(
                    "extract_entities",
                    {"text": f"{number}. {large[:CHARACTERS]}", "entity_types": TYPES},
                    read_timeout_seconds=600,
                )

        running = [asyncio.create_task(document(number)) for number in range(DOCUMENTS)]
        await asyncio.sleep(3)
        beside = await median(CALLS, cached), await median(CALLS, lambda number: uncached(2000 + number))
        unfinished = sum(not task.done() for task in running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
    for name, before, after in zip(("cached", "uncached, one passage"), idle, beside, strict=True):
        print(f"{name:24} {before:8.1f} {after:8.1f}  ratio {after / before:5.2f}")
    print(f"documents still being read at the end: {unfinished} of {DOCUMENTS}")


async def idle(folder: Path, words: list[str]) -> None:
    print(f"\n{IDLE} connections that send nothing, and calls beside them")
    async with serving(folder) as server, Client(server.url) as client:
        await call(client, passage(words, 0))
        before = await median(CALLS, lambda _: call(client, passage(words, 0)))
        opened = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(IDLE)]
        beside = await median(CALLS, lambda _: call(client, passage(words, 0)))
        began = time.monotonic()
        closed = await asyncio.gather(*(asyncio.wait_for(reader.read(), 120) for reader, _ in opened))
        print(f"a cached call: {before:.1f} ms before, {beside:.1f} ms beside them")
        print(f"closed by the server: {len(closed)} of {IDLE} within {time.monotonic() - began:.0f} s")
        for _, writer in opened:
            writer.close()
    print(f"lines in the log: {len((folder / 'log').read_text(encoding='utf-8').splitlines())}")


async def end(folder: Path, words: list[str]) -> None:
    print("\nThe server is ended while 20 clients call it")
    for name, number in (("SIGTERM", signal.SIGTERM), ("SIGKILL", signal.SIGKILL)):
        outcomes: Counter[str] = Counter()

        async def one(server: Server, client: int, outcomes: Counter[str] = outcomes) -> None:
            try:
                async with Client(server.url) as opened:
                    for number in range(10**6):
                        await call(opened, passage(words, client * 1000 + number))
                        outcomes["answered"] += 1
            except Exception:
                outcomes["clients that were refused or cut off"] += 1

        async with serving(folder) as server:
            tasks = [asyncio.create_task(one(server, client)) for client in range(20)]
            await asyncio.sleep(5)
            began = time.monotonic()
            server.process.send_signal(number)
            await asyncio.to_thread(server.process.wait)
            ended = time.monotonic() - began
            await asyncio.wait(tasks, timeout=30)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            left = "kept" if server.cache.with_name(server.cache.name + "-wal").exists() else "none"
            with contextlib.closing(sqlite3.connect(server.cache)) as database:
                (intact,) = database.execute("PRAGMA integrity_check").fetchone()
        print(
            f"{name}: ended after {ended:.1f} s with status {server.process.returncode}; {dict(outcomes)}; "
            f"write-ahead log {left}, cache {intact}"
        )


def mutated(rng: random.Random) -> bytes:
    """A call that is damaged: cut, with other bytes in it, or with another value in one of its places."""
    params: dict[str, object] = {"name": "extract_entities", "arguments": {"text": SECRET, "entity_types": ["person"]}}
    message: dict[str, object] = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    other = rng.choice([None, True, -1, 1e400, "", "\ud83d", "x" * 10_000, [], [[]] * 50, {}, {"a": {}}])
    arguments = cast("dict[str, object]", params["arguments"])
    place = rng.choice([message, params, arguments])
    place[rng.choice([*place, "surplus"])] = other
    body = bytearray(json.dumps(message).encode())
    damage = rng.random()
    if damage < 0.3:
        del body[rng.randrange(len(body)) :]
    elif damage < 0.6:
        for _ in range(rng.randrange(1, 5)):
            body[rng.randrange(len(body))] = rng.randrange(256)
    return bytes(body)


async def garbage(folder: Path, words: list[str]) -> None:
    print(f"\n{DAMAGED:,} damaged calls over HTTP")
    rng = random.Random(0)
    statuses: Counter[int] = Counter()
    said = 0
    async with serving(folder) as server:
        headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
        async with httpx2.AsyncClient(headers=headers, timeout=60) as client:
            hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "x", "version": "0"}}
            opened = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": hello}
            session = (await client.post(server.url, json=opened)).headers["mcp-session-id"]
            client.headers["mcp-session-id"] = session
            await client.post(server.url, json={"jsonrpc": "2.0", "method": "notifications/initialized"})
            for _ in range(DAMAGED):
                reply = await client.post(server.url, content=mutated(rng))
                statuses[reply.status_code] += 1
                said += SECRET in reply.text and '"entities"' not in reply.text
        async with Client(server.url) as well:
            await call(well, passage(words, 0))
    log = (folder / "log").read_text(encoding="utf-8")
    print(f"statuses {dict(sorted(statuses.items()))}; a call afterwards is answered")
    print(
        f"replies that repeat the text: {said}; tracebacks in the log: {log.count('Traceback')}; text in it:"
        f" {SECRET in log}"
    )


SCENARIOS = {"documents": documents, "idle": idle, "end": end, "garbage": garbage, "clients": clients}


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", choices=SCENARIOS, default=list(SCENARIOS))
    arguments = parser.parse_args()
    files = min(4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    words = DOCUMENT.read_text(encoding="utf-8").split()
    print(f"{date.today()}, {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    for name in arguments.only:
        with tempfile.TemporaryDirectory() as folder:
            await SCENARIOS[name](Path(folder), words)


if __name__ == "__main__":
    asyncio.run(main())
