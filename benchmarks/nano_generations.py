"""Compare two generations of nano in one run: time per passage, load time, memory, size.

    mkdir -p runs/nano-1
    git archive 663fed9 uniner_mcp/engines/nano/model | tar -x -C runs/nano-1 --strip-components 4
    python benchmarks/nano_generations.py --before runs/nano-1

Commit 663fed9 contains the weights of the first generation. Keep the machine otherwise idle.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime
import os
import platform
import statistics
import subprocess
import sys
from pathlib import Path

from speed import DOCUMENT, EIGHT, alternate, row

from uniner_mcp import Extractor, load_settings
from uniner_mcp.engines.nano.manifest import FILES, SHIPPED, read_manifest

LOAD = """
import resource, sys, time
from pathlib import Path
from uniner_mcp.engines.nano.manifest import read_manifest
from uniner_mcp.engines.nano.runtime import NanoRuntime
folder, text, *types = sys.argv[1:]
began = time.perf_counter()
NanoRuntime(Path(folder), read_manifest(Path(folder)), 2).read(text, types)
print(1000 * (time.perf_counter() - began), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""
"""Prints the milliseconds from the files to a first answer, and the peak memory of a process that does nothing else."""


def megabytes(folder: Path) -> float:
    return sum((folder / name).stat().st_size for name in FILES) / 1e6


def loading(folders: tuple[Path, Path], text: str) -> list[tuple[float, float]]:
    """Return the median milliseconds and MiB of each, over processes started alternately."""
    taken: tuple[list[list[float]], list[list[float]]] = ([], [])
    for _ in range(9):
        for folder, numbers in zip(folders, taken, strict=True):
            command = [sys.executable, "-c", LOAD, str(folder), text, *EIGHT]
            said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            numbers.append([float(number) for number in said.split()])
    return [(statistics.median(one[0] for one in each), statistics.median(one[1] for one in each)) for each in taken]


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", type=Path, required=True, help="folder of the older weights")
    before: Path = parser.parse_args().before
    passage = " ".join(DOCUMENT.read_text(encoding="utf-8").split()[:120])
    print(f"{datetime.date.today()}, {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print(f"{read_manifest(SHIPPED).model}, {read_manifest(before).model}: medians, in turn")
    async with (
        Extractor.open(load_settings(cache=False)) as now,
        Extractor.open(load_settings(cache=False, nano_path=before)) as then,
    ):
        row(
            "a passage of 120 words, 8 types",
            *await alternate(lambda: now.extract(passage, EIGHT), lambda: then.extract(passage, EIGHT), 200),
        )
    ours, theirs = loading((SHIPPED, before), passage)
    row("from the files to a first answer", ours[0], theirs[0])
    row("peak memory of that process", ours[1], theirs[1], "MiB")
    row("size of the files", megabytes(SHIPPED), megabytes(before), "MB")


if __name__ == "__main__":
    asyncio.run(main())
