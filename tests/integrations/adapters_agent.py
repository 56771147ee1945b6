"""A LangChain agent with a scripted model and our server: COMMAND and ARGUMENTS (JSON); prints what the tool said."""

import asyncio
import json
import sys

from langchain.agents import create_agent
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, ToolMessage
from langchain_mcp_adapters.client import MultiServerMCPClient


class Scripted(GenericFakeChatModel):
    def bind_tools(self, tools, **more):
        return self


async def main() -> None:
    command, arguments = sys.argv[1], json.loads(sys.argv[2])
    server = {"transport": "stdio", "command": command, "args": ["serve", "--no-cache"]}
    tools = {tool.name: tool for tool in await MultiServerMCPClient({"uniner": server}).get_tools()}
    call = {"name": "extract_entities", "args": arguments, "id": "1"}
    model = Scripted(messages=iter([AIMessage("", tool_calls=[call]), AIMessage("Done.")]))
    result = await create_agent(model, [tools["extract_entities"]]).ainvoke({"messages": [("user", "Which cities?")]})
    (told,) = [message for message in result["messages"] if isinstance(message, ToolMessage)]
    print(told.content if isinstance(told.content, str) else told.content[0]["text"])


asyncio.run(main())
