"""langchain-mcp-adapters wants an older MCP SDK than ours: it has an environment of its own, as its users will have."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from integrations.conftest import CITIES, GIVEN
from integrations.test_docs import BLOCKS, PAGE
from processes import free_port, served

from uniner_mcp.clients import own_command

PYTHON = os.environ.get("TEST_ADAPTERS_PYTHON")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(PYTHON is None, reason="needs TEST_ADAPTERS_PYTHON: see .ci/frameworks"),
]
(EXAMPLE,) = [block for block in BLOCKS if "langchain_mcp_adapters" in block]
STDIO = '{"transport": "stdio", "command": "uniner-mcp", "args": ["serve"]}'
HTTP = '{"transport": "http", "url": "http://127.0.0.1:8000/mcp"}'


def run(example: str, folder: Path) -> list[str]:
    """The cities that the example prints."""
    script = folder / "example.py"
    script.write_text(example, encoding="utf-8")
    command = [str(PYTHON), str(Path(__file__).with_name("adapters_agent.py")), str(script), json.dumps(GIVEN)]
    path = f"{Path(own_command()).parent}{os.pathsep}{os.environ['PATH']}"
    told = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ | {"PATH": path}).stdout
    return [one["text"] for one in json.loads(told)["entities"] if one["type"] == "city"]


def test_the_example_calls_the_server_in_a_session(tmp_path: Path) -> None:
    assert STDIO in EXAMPLE and run(EXAMPLE, tmp_path) == CITIES


def test_the_example_calls_a_server_over_http(tmp_path: Path) -> None:
    port = free_port()
    assert f"`{HTTP}`" in " ".join(PAGE.split())
    with served([own_command(), "serve", "--transport", "http", "--port", str(port)], port):
        assert run(EXAMPLE.replace(STDIO, HTTP.replace("8000", str(port))), tmp_path) == CITIES
