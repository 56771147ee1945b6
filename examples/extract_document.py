"""Find the people and organizations in a document and count how often each is named.

python examples/extract_document.py [FILE]
"""

from __future__ import annotations

import argparse
import asyncio
from collections import Counter
from pathlib import Path

from uniner_mcp import Extractor

DOCUMENT = Path(__file__).parent / "documents" / "workshop_on_electronic_texts.txt"


async def main(path: Path) -> None:
    """Print the ten most frequent names of each type."""
    text = path.read_text(encoding="utf-8")
    async with Extractor.open() as extractor:
        extraction = await extractor.extract(text, entity_types=["person", "organization"])
    for kind in ("person", "organization"):
        names = Counter(entity.text for entity in extraction.entities if entity.type == kind)
        print(f"{kind}: {', '.join(f'{name} ({count})' for name, count in names.most_common(10))}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, nargs="?", default=DOCUMENT, help="UTF-8 text file")
    asyncio.run(main(parser.parse_args().file))
