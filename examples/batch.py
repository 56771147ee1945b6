"""Read many documents: a line of JSON for each, with its entities. What was read before comes from the cache.

python examples/batch.py INPUT --types person,organization --out entities.jsonl

INPUT is a folder of .txt files, or a file of JSON lines with the keys `id` and `text`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from uniner_mcp import Extractor, UninerError

AT_ONCE = 4
"""Documents that are read at the same time."""


def documents(source: Path) -> Iterator[tuple[str, str]]:
    """The id and text of each document."""
    if source.is_dir():
        for path in sorted(source.glob("*.txt")):
            yield path.name, path.read_text(encoding="utf-8")
    else:
        with source.open(encoding="utf-8") as lines:
            for line in lines:
                row = json.loads(line)
                yield str(row["id"]), row["text"]


async def main(source: Path, types: list[str], out: Path) -> None:
    """Write a line a document, in the order of the input."""
    given = documents(source)
    done: Counter[str] = Counter()
    async with Extractor.open() as extractor:

        async def read(name: str, text: str) -> dict[str, Any]:
            try:
                extraction = await extractor.extract(text, entity_types=types)
            except UninerError as error:
                return {"id": name, "error": str(error)}
            return {"id": name, **extraction.model_dump(exclude_none=True)}

        with out.open("w", encoding="utf-8") as lines:
            # A few at a time: the input may be larger than memory.
            while some := list(islice(given, AT_ONCE)):
                for row in await asyncio.gather(*(read(name, text) for name, text in some)):
                    lines.write(json.dumps(row, ensure_ascii=False) + "\n")
                    done["failed" if "error" in row else "read"] += 1
    print(f"{out}: {done['read']} documents, {done['failed']} failed.")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("--types", required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    asyncio.run(main(arguments.source, arguments.types.split(","), arguments.out))
