"""Extract entities from many documents into a JSON Lines file. Repeated questions are answered from the cache.

python examples/batch.py INPUT --types person,organization --out entities.jsonl

INPUT is a folder of .txt files, or a JSON Lines file with the keys `id` and `text`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from uniner_mcp import Extractor, UninerError

AT_ONCE = 4
"""Number of documents that are read concurrently."""


def documents(source: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the id and the raw content of each document; the id of a line is its number."""
    if source.is_dir():
        for path in sorted(source.glob("*.txt")):
            yield path.name, path.read_bytes()
    else:
        with source.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield str(number), line


async def main(source: Path, types: list[str], out: Path) -> int:
    """Write one line per document, in input order, and return the number of failures."""
    given = documents(source)
    done: Counter[str] = Counter()
    async with Extractor.open() as extractor:

        async def read(name: str, written: bytes) -> dict[str, Any]:
            try:
                text = written.decode("utf-8")
                if not source.is_dir():
                    row = json.loads(text)
                    name, text = row["id"], row["text"]
                extraction = await extractor.extract(text, entity_types=types)
            except (UninerError, ValueError, KeyError, TypeError) as error:
                return {"id": name, "error": f"{type(error).__name__}: {error}"}
            return {"id": name, **extraction.model_dump(exclude_none=True)}

        with out.open("w", encoding="utf-8") as lines:
            # A few at a time, because the input may be larger than memory.
            while some := list(islice(given, AT_ONCE)):
                for row in await asyncio.gather(*(read(name, written) for name, written in some)):
                    lines.write(json.dumps(row, ensure_ascii=False) + "\n")
                    done["failed" if "error" in row else "read"] += 1
    print(f"{out}: {done['read']} documents, {done['failed']} failed.")
    return done["failed"]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, metavar="INPUT", help="folder of .txt files, or JSON Lines file")
    parser.add_argument("--types", required=True, help="entity types, comma-separated")
    parser.add_argument("--out", type=Path, required=True, help="JSON Lines file to write")
    arguments = parser.parse_args()
    if arguments.out.exists() and arguments.out.samefile(arguments.source):
        parser.error("--out is the input itself, which would be overwritten: name another file")
    asked = [name for name in arguments.types.split(",") if name.strip()]
    try:
        failures = asyncio.run(main(arguments.source, asked, arguments.out))
    except KeyboardInterrupt:
        sys.exit(f"Interrupted: {arguments.out} has the documents read so far.")
    except OSError as error:
        sys.exit(f"{error.filename}: {error.strerror}")
    sys.exit(1 if failures else 0)
