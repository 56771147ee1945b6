"""Start the server as an MCP client would, over stdio, and call its tools.

python examples/mcp_client.py
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys

from mcp import Client, StdioServerParameters

from uniner_mcp import Extraction

TEXT = "The Supreme Court of India heard Kesavananda Bharati v. State of Kerala in 1973."


async def main() -> None:
    """Print the tools, then the entities in a sentence."""
    # The server gets only the variables passed here, so pass on the environment with its settings and keys.
    arguments = ["-m", "uniner_mcp", "serve"]
    server = StdioServerParameters(command=sys.executable, args=arguments, env=dict(os.environ))
    async with Client(server) as client:
        print("tools:", ", ".join(tool.name for tool in (await client.list_tools()).tools))
        result = await client.call_tool("extract_entities", {"text": TEXT, "entity_types": ["court", "year"]})
        extraction = Extraction.model_validate(result.structured_content)
        for entity in extraction.entities:
            print(f"{entity.start:3}-{entity.end:3} {entity.type}: {entity.text}")


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    asyncio.run(main())
