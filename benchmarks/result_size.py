"""How long results of extract_entities are as text, and how much of them hosts show to a model.

python benchmarks/result_size.py

The text is the example document, repeated; the engine is nano. What hosts show is computed by the limits in `HOSTS`.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mcp import Client
from mcp.types import TextContent

from uniner_mcp import Extractor, load_settings
from uniner_mcp.domains import domain_list
from uniner_mcp.server.app import build_server

DOCUMENT = Path(__file__).parent.parent / "examples" / "documents" / "workshop_on_electronic_texts.txt"
ASKED: dict[str, Any] = {"entity_types": ["person", "organization", "date"]}
HOSTS = {
    # (characters that are shown whole, characters shown of the beginning and of the end of a longer result)
    "Claude Code 2.1.197": (50_000, 2_000, 0),
    "Codex CLI 0.171.0, unknown model": (10_000, 5_000, 5_000),
    "Gemini CLI 0.61.0": (40_000, 8_000, 32_000),
}


async def main() -> None:
    """Print the lengths, in characters."""
    text = DOCUMENT.read_text(encoding="utf-8") * 6
    with TemporaryDirectory() as folder:
        settings = load_settings(engine="nano", cache_path=f"{folder}/answers.sqlite")
        async with Extractor.open(settings) as extractor:
            whole = build_server(extractor, domain_list(), settings.model_copy(update={"max_result_chars": 10**9}))
            async with Client(whole) as client:
                (page,) = await read(client, text, limit=300, pages=1)
                print(f"300 entities: {len(page):,} characters, longest line {max(map(len, page.splitlines())):,}")
                forms = (await client.list_tools()).tools[0].input_schema["properties"].get("result", {}).get("enum")
            async with Client(build_server(extractor, domain_list(), settings)) as client:
                for form in forms or ["entities"]:
                    arguments: dict[str, Any] = {"result": form} if forms else {}
                    pages = await read(client, text, **arguments)
                    sizes = " + ".join(f"{len(page):,}" for page in pages[:3]) + (" + …" if len(pages) > 3 else "")
                    print(f"{len(text):,} characters of text as {form}: {len(pages)} call(s), {sizes} characters")
                    for host, limits in HOSTS.items() if form == "entities" else ():
                        print(f"  {host} shows {shown(pages[0], *limits)}")


async def read(client: Client, text: str, pages: int = 1000, **more: object) -> list[str]:
    """Return the text of the pages of a result."""
    found: list[str] = []
    while len(found) < pages:
        result = await client.call_tool("extract_entities", {"text": text, **ASKED, **more})
        (block,) = result.content
        assert isinstance(block, TextContent) and result.structured_content is not None
        found.append(block.text)
        start = result.structured_content.get("next_start")
        if start is None:
            break
        more["start"] = start
    return found


def shown(text: str, whole: int, head: int, tail: int) -> str:
    """Return how much a host shows of a first page."""
    seen = text if len(text) <= whole else text[:head] + text[len(text) - tail :]
    facts = "and" if '"truncated"' in seen else "but not"
    return f"{len(seen):,} of {len(text):,} characters, {facts} whether it is truncated"


if __name__ == "__main__":
    asyncio.run(main())
