"""The examples that need a framework and a chat model, with scripted models."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).parent.parent.parent / "examples"
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]


def test_the_langgraph_agent() -> None:
    pytest.importorskip("langgraph")
    from integrations.conftest import CITIES, GIVEN
    from integrations.test_langchain import scripted, told

    messages = runpy.run_path(str(EXAMPLES / "langgraph_agent.py"))["ask"]("Which cities?", scripted(GIVEN))
    assert messages[-1].content == "Done."
    assert [one.text for one in told(messages).artifact.entities if one.type == "city"] == CITIES


@pytest.mark.anyio
async def test_the_agent_over_a_report() -> None:
    pytest.importorskip("pydantic_ai")
    from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart, ToolReturnPart
    from pydantic_ai.models.function import AgentInfo, FunctionModel

    said: list[Any] = []
    calls = [
        ToolCallPart("find_in_report", {"entity_types": []}),
        ToolCallPart("find_in_report", {"entity_types": ["person"]}),
        ToolCallPart("read_page", {"number": 1}),
        ToolCallPart("read_page", {"number": 99}),
    ]

    def respond(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        said.extend(part.content for part in messages[-1].parts if isinstance(part, ToolReturnPart))
        return ModelResponse([calls.pop(0) if calls else TextPart("James Daly, page 1.")])

    example = runpy.run_path(str(EXAMPLES / "report_agent.py"))
    pages = [*example["pages_of"](example["REPORT"].read_text(encoding="utf-8")), " "]
    assert await example["ask"]("Who edited it?", pages, FunctionModel(respond)) == "James Daly, page 1."
    nothing_asked, found, first, none = said
    assert "entity_types" in str(nothing_asked)
    assert 1 in found["James Daly (person)"] and "James Daly" in first and "1 to 7" in none
    assert example["pages_of"]("one\ftwo\f") == ["one", "two"]
