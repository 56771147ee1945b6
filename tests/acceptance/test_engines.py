"""A real client of a real server process whose tools a small generative model answers, in the process of the server."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from mcp import Client, StdioServerParameters

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("patient_client")]
TINY = Path(__file__).parent.parent / "tiny_uniner" / "tiny-uniner.gguf"
TEXT = "On 3 May 2021 Tom Reed left Paris."


async def test_llama_cpp_answers_the_tools_of_a_server_over_stdio(own_cache: Path, tmp_path: Path) -> None:
    pytest.importorskip("xllamacpp", reason="xllamacpp has no wheel for this platform")
    arguments = ["-m", "uniner_mcp", "serve", "--engine", "llama-cpp", "--model", str(TINY)]
    told = tmp_path / "stderr"
    command = f'exec "$0" "$@" 2>{told}'
    server = StdioServerParameters(
        command="sh", args=["-c", command, sys.executable, *arguments], env={**os.environ}, cwd=str(tmp_path)
    )
    async with Client(server) as client:
        result = await client.call_tool("extract_entities", {"text": TEXT, "entity_types": ["person", "date", "gene"]})
        engine = await client.read_resource("uniner://engine")
    assert not result.is_error and result.structured_content is not None
    found = [(entity["text"], entity["type"], entity["start"]) for entity in result.structured_content["entities"]]
    assert found == [("3 May 2021", "date", 3), ("Tom Reed", "person", 14)]
    assert all(0.3 < entity["confidence"] <= 1 for entity in result.structured_content["entities"])
    assert "llama-cpp" in str(engine.contents[0])
    line = told.read_text(encoding="utf-8").splitlines()[0]
    assert line.startswith(
        "uniner-mcp: engine: llama-cpp, model tiny-uniner (`engine` is set); prompt profile uniner; model licence"
    )
