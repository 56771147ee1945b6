"""An agent that answers questions about a long report: it reads pages, and finds entities with their page numbers.

python examples/report_agent.py "Which universities are named, and on which pages?" --model openai:gpt-5.4-mini

Needs the extra `pydantic-ai` and a chat model (for OpenAI: `pip install 'pydantic-ai-slim[openai]'`, OPENAI_API_KEY).
Pages are separated by form feeds, as `pdftotext report.pdf report.txt` writes them. The default report has none, and is
split every 3,000 characters. Only what the agent reads goes to the chat model; entities are found on this machine.
"""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from pydantic_ai import Agent, ModelRetry
from pydantic_ai.models import Model

from uniner_mcp import Extractor, UninerError

REPORT = Path(__file__).parent / "documents" / "workshop_on_electronic_texts.txt"
PAGE_CHARS = 3000
INSTRUCTIONS = (
    "You answer questions about a report. find_in_report finds all entities of some types with their pages; read_page "
    "returns the text of a page. Cite the page of each statement."
)


def pages_of(text: str) -> list[str]:
    """Split a report into pages: at form feeds, or else every PAGE_CHARS characters."""
    if "\f" in text:
        return text.removesuffix("\f").split("\f")
    return [text[begin : begin + PAGE_CHARS] for begin in range(0, len(text), PAGE_CHARS)]


async def ask(question: str, pages: list[str], model: Model | str) -> str:
    """Return the agent's answer."""
    async with Extractor.open() as extractor:
        agent = Agent(model, instructions=INSTRUCTIONS)

        @agent.tool_plain
        async def find_in_report(entity_types: list[str]) -> dict[str, list[int]]:  # pyright: ignore[reportUnusedFunction]
            """Find all entities of some types, such as 'university' or 'person'. Returns each name with its pages."""
            found: dict[str, list[int]] = {}
            for number, page in enumerate(pages, start=1):
                if not page.strip():
                    continue
                try:
                    extraction = await extractor.extract(page, entity_types=entity_types)
                except UninerError as error:
                    raise ModelRetry(str(error)) from None
                for entity in extraction.entities:
                    named = found.setdefault(f"{' '.join(entity.text.split())} ({entity.type})", [])
                    if number not in named:
                        named.append(number)
            return found

        @agent.tool_plain
        def read_page(number: int) -> str:  # pyright: ignore[reportUnusedFunction]
            """Return the text of a page. Pages are counted from 1."""
            return pages[number - 1] if 1 <= number <= len(pages) else f"The pages are 1 to {len(pages)}."

        return (await agent.run(question)).output


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("question", help="question about the report")
    parser.add_argument("--model", required=True, help="chat model, such as openai:gpt-5.4-mini")
    parser.add_argument("--report", type=Path, default=REPORT, help="UTF-8 text file; default: an example report")
    arguments = parser.parse_args()
    report = pages_of(arguments.report.read_text(encoding="utf-8"))
    print(asyncio.run(ask(arguments.question, report, arguments.model)))
