"""Start the server of an unpacked bundle from its manifest, like a host, and call a tool: bundle_client.py FOLDER."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

from mcp import Client, StdioServerParameters

TEXT = "Marie Curie left Warsaw."


async def main(folder: Path) -> None:
    """Print the entities; fail if they are not those of the text."""
    config = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["server"]["mcp_config"]
    arguments = [argument.replace("${__dirname}", str(folder)) for argument in config["args"]]
    server = StdioServerParameters(command=config["command"], args=arguments, env=dict(os.environ))
    async with Client(server) as client:
        asked = {"text": TEXT, "entity_types": ["person", "city"]}
        result = await client.call_tool("extract_entities", asked)
    entities = (result.structured_content or {})["entities"]
    print("bundle:", entities)
    assert [entity["text"] for entity in entities] == ["Marie Curie", "Warsaw"]


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
