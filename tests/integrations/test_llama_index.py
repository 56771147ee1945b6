from __future__ import annotations

import json
from typing import Any

import pytest

pytest.importorskip("llama_index.core")
from integrations.conftest import CITIES, GIVEN, MISSHAPEN, TEXT, WRONG
from llama_index.core.agent.workflow import FunctionAgent, ToolCallResult
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, LLMMetadata
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.tools import ToolSelection

from uniner_mcp import SyncExtractor
from uniner_mcp.integrations.llama_index import entity_tool
from uniner_mcp.requests import ExtractionRequest

pytestmark = [pytest.mark.slow, pytest.mark.anyio, pytest.mark.filterwarnings("default")]


class Scripted(FunctionCallingLLM):
    """A model that calls the tool once, and then says that it is done."""

    arguments: dict[str, Any]

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(is_function_calling_model=True)

    def _prepare_chat_with_tools(self, tools: Any, user_msg: Any = None, chat_history: Any = None, **more: Any) -> Any:
        return {"messages": chat_history or []}

    def get_tool_calls_from_response(self, response: ChatResponse, **more: Any) -> list[ToolSelection]:
        if response.message.content == "Done.":
            return []
        return [ToolSelection(tool_id="1", tool_name="extract_entities", tool_kwargs=self.arguments)]

    async def astream_chat(self, messages: Any, **more: Any) -> Any:
        called = any(message.role == "tool" for message in messages)

        async def stream() -> Any:
            yield ChatResponse(message=ChatMessage(role="assistant", content="Done." if called else ""))

        return stream()

    async def achat(self, *given: Any, **more: Any) -> Any:
        raise NotImplementedError

    chat = stream_chat = complete = stream_complete = acomplete = astream_complete = achat  # type: ignore[assignment]


async def called(reader: SyncExtractor, arguments: dict[str, Any]) -> str:
    agent = FunctionAgent(tools=[entity_tool(reader)], llm=Scripted(arguments=arguments))
    running = agent.run("Which cities?")
    results = [event async for event in running.stream_events() if isinstance(event, ToolCallResult)]
    assert str(await running) == "Done."
    return str(results[0].tool_output.content)


async def test_an_agent_calls_the_tool(reader: SyncExtractor) -> None:
    told = json.loads(await called(reader, GIVEN))
    assert [one["text"] for one in told["entities"] if one["type"] == "city"] == CITIES


@pytest.mark.parametrize(("wrong", "named"), [(WRONG, "entity_types"), (MISSHAPEN, "overlap")])
async def test_the_model_is_told_what_is_wrong(reader: SyncExtractor, wrong: dict[str, Any], named: str) -> None:
    told = await called(reader, wrong)
    assert named in told and TEXT not in told


def test_the_tool_is_called_directly_too_with_the_arguments_of_the_schema(reader: SyncExtractor) -> None:
    tool = entity_tool(reader)
    assert tool.metadata.fn_schema is ExtractionRequest
    assert json.loads(tool.call(**GIVEN).content)["entities"]
