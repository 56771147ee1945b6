from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("pydantic_ai")
from integrations.conftest import CITIES, GIVEN, MISSHAPEN, TEXT, WRONG
from pydantic_ai import Agent
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart, ToolReturnPart
from pydantic_ai.models.function import AgentInfo, FunctionModel

from uniner_mcp import Extractor
from uniner_mcp.integrations.pydantic_ai import entity_toolset
from uniner_mcp.requests import ExtractionRequest

pytestmark = [pytest.mark.slow, pytest.mark.anyio, pytest.mark.filterwarnings("default")]


def scripted(*calls: dict[str, Any]) -> tuple[FunctionModel, list[Any]]:
    """A model that makes the calls, one after the other, and then says that it is done; and what it was told."""
    told: list[Any] = []
    waiting = list(calls)

    def respond(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        assert info.function_tools[0].parameters_json_schema == ExtractionRequest.model_json_schema()
        told.extend(part for part in messages[-1].parts if isinstance(part, ToolReturnPart))
        return ModelResponse([ToolCallPart("extract_entities", waiting.pop(0)) if waiting else TextPart("Done.")])

    return FunctionModel(respond), told


async def test_an_agent_gets_the_extraction() -> None:
    model, told = scripted(GIVEN)
    async with Extractor.open() as extractor:
        result = await Agent(model, toolsets=[entity_toolset(extractor)]).run("Which cities?")
    assert result.output == "Done."
    assert [one["text"] for one in told[0].content["entities"] if one["type"] == "city"] == CITIES


@pytest.mark.parametrize("wrong", [WRONG, MISSHAPEN, {"text": 3}])
async def test_the_model_is_asked_again_where_its_arguments_are_wrong(wrong: dict[str, Any]) -> None:
    model, told = scripted(wrong, GIVEN)
    async with Extractor.open() as extractor:
        await Agent(model, toolsets=[entity_toolset(extractor)]).run("Which cities?")
    assert told[0].outcome == "retried" and TEXT not in str(told[0].content)
    assert told[1].content["truncated"] is False and told[1].content["entities"]
