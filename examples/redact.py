"""Redact personal data in a text: replace each name, address and the like by its type and a number.

python examples/redact.py [FILE]

The same name always gets the same number, so that the text remains readable. Statistical models miss things: this helps
people who check the result, and guarantees nothing. Patterns are better at data with a fixed form (e-mail, IBAN).
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from uniner_mcp import SyncExtractor

LETTER = """Dear Ms Okafor, on 3 March Daniel Whitcombe saw you at Saint Mary's Hospital in Leeds. Please send the
form to d.whitcombe@example.org. Daniel Whitcombe will call you on Friday."""
TYPES = ["person", "hospital", "city", "street", "company"]
EMAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]*\w")


def redact(text: str, extractor: SyncExtractor) -> tuple[str, dict[str, str]]:
    """Return the redacted text, and the mention behind each placeholder."""
    extraction = extractor.extract(text, entity_types=TYPES)
    if extraction.unanswered:
        raise SystemExit(f"Not redacted: {extraction.unanswered[0].type} could not be answered for all of the text.")
    spans = [(match.start(), match.end(), "EMAIL") for match in EMAIL.finditer(text)]
    mails = list(spans)
    spans += [
        (entity.start, entity.end, entity.type.upper())
        for entity in extraction.entities
        if all(entity.end <= start or entity.start >= end for start, end, _ in mails)
    ]
    numbers: dict[tuple[str, str], str] = {}
    parts: list[str] = []
    at = 0
    for start, end, kind in sorted(spans):
        number = 1 + sum(1 for other, _ in numbers if other == kind)
        name = " ".join(text[start:end].split())
        placeholder = numbers.setdefault((kind, name), f"[{kind} {number}]")
        parts += [text[at:start], placeholder]
        at = end
    return "".join([*parts, text[at:]]), {placeholder: mention for (_, mention), placeholder in numbers.items()}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, nargs="?", help="UTF-8 text file; default: a letter")
    path: Path | None = parser.parse_args().file
    given = path.read_text(encoding="utf-8") if path is not None else LETTER
    with SyncExtractor.open() as extractor:
        redacted, meaning = redact(given, extractor)
    print(redacted)
    for placeholder, mention in meaning.items():
        print(f"{placeholder:14} {mention}", file=sys.stderr)
