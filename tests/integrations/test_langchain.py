from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

pytest.importorskip("langchain")
from integrations.conftest import CITIES, GIVEN, MISSHAPEN, TEXT, WRONG
from langchain.agents import create_agent
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, ToolMessage

from uniner_mcp import Extraction, SyncExtractor
from uniner_mcp.integrations.langchain import entity_tool
from uniner_mcp.requests import ExtractionRequest

pytestmark = [pytest.mark.slow, pytest.mark.anyio, pytest.mark.filterwarnings("default")]


class Scripted(GenericFakeChatModel):
    """A model that calls the tool, and then says how it went."""

    def bind_tools(self, tools: Sequence[Any], **more: Any) -> Any:
        return self


def scripted(arguments: dict[str, Any]) -> Scripted:
    call = {"name": "extract_entities", "args": arguments, "id": "1"}
    return Scripted(messages=iter([AIMessage("", tool_calls=[call]), AIMessage("Done.")]))


def told(messages: Sequence[Any]) -> ToolMessage:
    (found,) = [message for message in messages if isinstance(message, ToolMessage)]
    return found


def test_an_agent_calls_the_tool_and_gets_the_extraction_as_artifact(reader: SyncExtractor) -> None:
    agent = create_agent(scripted(GIVEN), [entity_tool(reader)])
    result = agent.invoke({"messages": [("user", "Which cities?")]})
    answer = told(result["messages"])
    assert isinstance(answer.artifact, Extraction) and answer.status == "success"
    assert [one.text for one in answer.artifact.entities if one.type == "city"] == CITIES
    assert json.loads(str(answer.content)) == answer.artifact.model_dump(mode="json", exclude_none=True)
    assert result["messages"][-1].content == "Done."


async def test_an_asynchronous_agent_does_the_same(reader: SyncExtractor) -> None:
    agent = create_agent(scripted(GIVEN), [entity_tool(reader)])
    answer = told((await agent.ainvoke({"messages": [("user", "Which cities?")]}))["messages"])
    assert [one.text for one in answer.artifact.entities if one.type == "city"] == CITIES


@pytest.mark.parametrize(("wrong", "named"), [(WRONG, "entity_types"), (MISSHAPEN, "overlap")])
def test_the_model_is_told_what_is_wrong(reader: SyncExtractor, wrong: dict[str, Any], named: str) -> None:
    result = create_agent(scripted(wrong), [entity_tool(reader)]).invoke({"messages": [("user", "?")]})
    answer = told(result["messages"])
    assert answer.status == "error" and named in str(answer.content) and TEXT not in str(answer.content)


def test_the_arguments_are_those_of_the_schema(reader: SyncExtractor) -> None:
    assert entity_tool(reader).args == ExtractionRequest.model_json_schema()["properties"]
