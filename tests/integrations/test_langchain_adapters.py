"""langchain-mcp-adapters wants an older MCP SDK than ours: it has an environment of its own, as its users will have."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from integrations.conftest import CITIES, GIVEN

from uniner_mcp.clients import own_command

PYTHON = os.environ.get("TEST_ADAPTERS_PYTHON")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(PYTHON is None, reason="needs TEST_ADAPTERS_PYTHON: see .ci/frameworks"),
]


def test_an_agent_calls_the_server_through_the_adapters() -> None:
    script = Path(__file__).with_name("adapters_agent.py")
    told = subprocess.run(
        [str(PYTHON), str(script), own_command(), json.dumps(GIVEN)], capture_output=True, text=True, check=True
    ).stdout
    assert [one["text"] for one in json.loads(told)["entities"] if one["type"] == "city"] == CITIES
