"""The examples of docs/frameworks.md, as they stand there, with scripted models for `model`."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest

PAGE = (Path(__file__).parent.parent.parent / "docs" / "frameworks.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
GIVEN = {"text": "Marie Curie left Warsaw for Paris.", "entity_types": ["person", "city"]}
MODULES = [
    "langchain", "langchain_mcp_adapters", "agents", "pydantic_ai", "llama_index", "llama_index", "haystack", "spacy"
]  # fmt: skip
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]


def model_for(module: str) -> Any:
    """A model of the framework that calls the tool, and then says that it is done."""
    if module == "langchain":
        from integrations.test_langchain import scripted

        return scripted(GIVEN)
    if module == "agents":
        from integrations.test_openai_agents import Scripted

        return Scripted(GIVEN)
    if module == "pydantic_ai":
        from integrations.test_pydantic_ai import scripted

        return scripted(GIVEN)[0]
    if module == "llama_index":
        from integrations.test_llama_index import Scripted

        return Scripted(arguments=GIVEN)
    return None


def test_every_framework_has_its_example() -> None:
    assert len(BLOCKS) == len(MODULES)
    assert all(
        re.search(rf"^(?:import|from) {name}\b", block, re.M) for name, block in zip(MODULES, BLOCKS, strict=True)
    )


@pytest.mark.parametrize(("module", "block"), list(zip(MODULES, BLOCKS, strict=True)))
def test_an_example_runs(module: str, block: str, capsys: pytest.CaptureFixture[str]) -> None:
    # The adapters have an environment of their own: test_langchain_adapters.py.
    if importlib.util.find_spec(module) is None or module == "langchain_mcp_adapters":
        pytest.skip(f"needs {module}")
    exec(compile(block, "docs/frameworks.md", "exec"), {"model": model_for(module), "__name__": "__main__"})
    assert ("Done." if re.search(r"\bmodel\b", block) else "17 23 city Warsaw") in capsys.readouterr().out
