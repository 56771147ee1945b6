"""The Python frameworks, each with the played model: `frameworks.py CLIENT`, in the environment that has it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import traceback
from pathlib import Path

SERVER = os.environ["SERVER"]
PROMPT = "Find the entities."


async def _langchain_py(url: str) -> None:
    from langchain.agents import create_agent
    from langchain_mcp_adapters.client import MultiServerMCPClient
    from langchain_openai import ChatOpenAI

    server = {"transport": "stdio", "command": SERVER, "args": ["serve"], "env": dict(os.environ)}
    tools = await MultiServerMCPClient({"uniner": server}).get_tools()
    agent = create_agent(ChatOpenAI(model="played", api_key="none", base_url=f"{url}/v1"), tools)
    await agent.ainvoke({"messages": [{"role": "user", "content": PROMPT}]})


async def _openai_agents_py(url: str) -> None:
    import agents
    from agents.mcp import MCPServerStdio
    from openai import AsyncOpenAI

    agents.set_tracing_disabled(True)
    model = agents.OpenAIResponsesModel("played", AsyncOpenAI(api_key="none", base_url=f"{url}/v1"))
    parameters = {"command": SERVER, "args": ["serve"], "env": dict(os.environ)}
    async with MCPServerStdio(parameters, client_session_timeout_seconds=120) as server:
        await agents.Runner.run(agents.Agent("check", model=model, mcp_servers=[server]), PROMPT)


async def _pydantic_ai(model: object) -> None:
    from fastmcp.client.transports import StdioTransport
    from pydantic_ai import Agent
    from pydantic_ai.mcp import MCPToolset

    transport = StdioTransport(command=SERVER, args=["serve"], env=dict(os.environ))
    agent = Agent(model, toolsets=[MCPToolset(transport, init_timeout=120, read_timeout=120)])
    async with agent:
        await agent.run(PROMPT)


async def _pydantic_ai_openai(url: str) -> None:
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    await _pydantic_ai(OpenAIChatModel("played", provider=OpenAIProvider(base_url=f"{url}/v1", api_key="none")))


async def _pydantic_ai_anthropic(url: str) -> None:
    from pydantic_ai.models.anthropic import AnthropicModel
    from pydantic_ai.providers.anthropic import AnthropicProvider

    await _pydantic_ai(AnthropicModel("played", provider=AnthropicProvider(base_url=url, api_key="none")))


async def _pydantic_ai_gemini(url: str) -> None:
    from pydantic_ai.models.google import GoogleModel
    from pydantic_ai.providers.google import GoogleProvider

    await _pydantic_ai(GoogleModel("played", provider=GoogleProvider(base_url=url, api_key="none")))


async def _google_genai_py(url: str) -> None:
    from google import genai
    from mcp import ClientSession, StdioServerParameters
    from mcp.client.stdio import stdio_client

    client = genai.Client(api_key="none", http_options={"base_url": url})
    parameters = StdioServerParameters(command=SERVER, args=["serve"], env=dict(os.environ))
    async with stdio_client(parameters) as streams, ClientSession(*streams) as session:
        await session.initialize()
        await client.aio.models.generate_content(model="played", contents=PROMPT, config={"tools": [session]})


async def _google_adk(url: str) -> None:
    from google.adk.agents import LlmAgent
    from google.adk.models.google_llm import Gemini
    from google.adk.runners import InMemoryRunner
    from google.adk.tools.mcp_tool import McpToolset, StdioConnectionParams
    from mcp import StdioServerParameters

    parameters = StdioServerParameters(command=SERVER, args=["serve"], env=dict(os.environ))
    toolset = McpToolset(connection_params=StdioConnectionParams(server_params=parameters, timeout=120))
    model = Gemini(model="gemini-played", base_url=url)
    runner = InMemoryRunner(LlmAgent(name="check", model=model, tools=[toolset]))
    try:
        await runner.run_debug(PROMPT, quiet=True)
    finally:
        await toolset.close()


async def main(client: str) -> None:
    """Run every scenario; what goes wrong in one is printed, and the others are run all the same."""
    run = globals()["_" + client.replace("-", "_")]
    for scenario, asked in json.loads(Path(os.environ["SCENARIOS"]).read_text(encoding="utf-8")).items():
        os.environ.update(asked["env"])  # For the server. The last scenario is the only one that sets something.
        try:
            await run(f"{os.environ['PLAYED']}/{scenario}")
        except Exception:
            traceback.print_exc()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
