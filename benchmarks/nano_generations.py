"""Compare this build with an older one in one run: time per passage, time to a first answer, peak memory, size.

    git worktree add runs/before 7fcd8bb
    python benchmarks/nano_generations.py --before runs/before

Commit 7fcd8bb contains the second generation of the weights. Each build runs in a process of its own; they take turns.
Keep the machine otherwise idle.
"""

from __future__ import annotations

import argparse
import datetime
import os
import platform
import statistics
import subprocess
import sys
from pathlib import Path

from speed import DOCUMENT, EIGHT

WORKER = """
import asyncio, resource, sys, time
from uniner_mcp import Extractor, load_settings
text, *types = sys.argv[1:]

async def main():
    began = time.perf_counter()
    async with Extractor.open(load_settings(cache=False)) as extractor:
        print(extractor.info().model, flush=True)
        await extractor.extract(text, types)
        print(1000 * (time.perf_counter() - began), flush=True)
        for _ in sys.stdin:
            began = time.perf_counter()
            await extractor.extract(text, types)
            print(1000 * (time.perf_counter() - began), flush=True)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, flush=True)

asyncio.run(main())
"""
"""Prints the model, then milliseconds: to a first answer, and of one call for each line of input; then MiB."""
TIMES = 200


class Worker:
    """A process with one of the builds."""

    def __init__(self, build: Path, text: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", WORKER, text, *EIGHT],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(build)},
        )
        self.model = self._read()
        self.first = float(self._read())

    def call(self) -> float:
        """Return the milliseconds of one call."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return float(self._read())

    def close(self) -> float:
        """Return the peak memory in MiB."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        return float(self._read())

    def _read(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


def megabytes(build: Path) -> float:
    folders = (build / "uniner_mcp" / "engines" / "nano" / "model", build / "uniner_mcp" / "types" / "model")
    return sum(path.stat().st_size for folder in folders if folder.is_dir() for path in folder.iterdir()) / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", type=Path, required=True, help="checkout of the older commit")
    builds = (Path(__file__).parents[1], parser.parse_args().before.absolute())
    passage = " ".join(DOCUMENT.read_text(encoding="utf-8").split()[:120])
    firsts: tuple[list[float], list[float]] = ([], [])
    for _ in range(5):
        for build, taken in zip(builds, firsts, strict=True):
            worker = Worker(build, passage)
            taken.append(worker.first)
            worker.close()
    now, then = (Worker(build, passage) for build in builds)
    calls = [(now.call(), then.call()) for _ in range(TIMES)]
    print(f"{datetime.date.today()}, {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print(f"{'':36} {now.model:>10} {then.model:>10} {'ratio':>6}")
    row("a passage of 120 words, 8 types: ms", *(statistics.median(times) for times in zip(*calls, strict=True)))
    row("from opening to a first answer: ms", *(statistics.median(times) for times in firsts))
    row("peak memory: MiB", now.close(), then.close())
    row("size of the files: MB", *map(megabytes, builds))


def row(name: str, ours: float, theirs: float) -> None:
    print(f"{name:36} {ours:10.1f} {theirs:10.1f} {ours / theirs:6.2f}")


if __name__ == "__main__":
    main()
