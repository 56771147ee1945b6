from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

pytest.importorskip("agents")
from agents import Agent, Model, ModelResponse, Runner, Usage, set_tracing_disabled
from integrations.conftest import CITIES, GIVEN, MISSHAPEN, TEXT, WRONG
from openai.types.responses import ResponseFunctionToolCall, ResponseOutputMessage, ResponseOutputText

from uniner_mcp import Extractor
from uniner_mcp.integrations.openai_agents import entity_server, entity_tool

pytestmark = [pytest.mark.slow, pytest.mark.anyio, pytest.mark.filterwarnings("default")]
set_tracing_disabled(True)


class Scripted(Model):
    """A model that calls the tool, and then repeats what it was told."""

    def __init__(self, arguments: dict[str, Any]) -> None:
        self.arguments = arguments
        self.told = ""

    async def get_response(self, system_instructions: Any, input: Any, *rest: Any, **more: Any) -> ModelResponse:
        outputs = [item for item in input if isinstance(item, dict) and item.get("type") == "function_call_output"]
        if not outputs:
            call = ResponseFunctionToolCall(
                arguments=json.dumps(self.arguments), call_id="1", name="extract_entities", type="function_call"
            )
            return ModelResponse([call], Usage(), None)
        output = outputs[0]["output"]
        self.told = output if isinstance(output, str) else output[0]["text"]
        text = ResponseOutputText(text="Done.", type="output_text", annotations=[])
        message = ResponseOutputMessage(id="2", content=[text], role="assistant", status="completed", type="message")
        return ModelResponse([message], Usage(), None)

    def stream_response(self, *given: Any, **more: Any) -> AsyncIterator[Any]:
        raise NotImplementedError


def cities(told: str) -> list[str]:
    whole = json.loads(told)
    whole = json.loads(whole["text"]) if "text" in whole else whole
    return [one["text"] for one in whole["entities"] if one["type"] == "city"]


async def test_an_agent_calls_the_function_tool() -> None:
    model = Scripted(GIVEN)
    async with Extractor.open() as extractor:
        result = await Runner.run(Agent(name="reader", model=model, tools=[entity_tool(extractor)]), "Which cities?")
    assert result.final_output == "Done." and cities(model.told) == CITIES


@pytest.mark.parametrize("arguments", [WRONG, MISSHAPEN, {"text": 3}])
async def test_the_model_is_told_what_is_wrong(arguments: dict[str, Any]) -> None:
    model = Scripted(arguments)
    async with Extractor.open() as extractor:
        await Runner.run(Agent(name="reader", model=model, tools=[entity_tool(extractor)]), "Which cities?")
    assert ("entity_types" in model.told or "text" in model.told or "overlap" in model.told) and TEXT not in model.told


async def test_an_agent_calls_the_server() -> None:
    model = Scripted(GIVEN)
    async with entity_server("--no-cache") as server:
        result = await Runner.run(Agent(name="reader", model=model, mcp_servers=[server]), "Which cities?")
    assert result.final_output == "Done." and cities(model.told) == CITIES
