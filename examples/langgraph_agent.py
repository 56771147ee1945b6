"""A LangGraph agent, built by hand: the model may call extract_entities any number of times before it answers.

python examples/langgraph_agent.py "Who met whom? Ada Lovelace met Tom in London." --model openai:gpt-5.4-mini

Needs the extra `langchain`, and `pip install langchain langchain-openai` (or the package of another model).
"""

from __future__ import annotations

import argparse
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import HumanMessage
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition

from uniner_mcp import SyncExtractor
from uniner_mcp.integrations.langchain import entity_tool


def ask(question: str, model: BaseChatModel) -> list[Any]:
    """Return the conversation. The last message is the answer; tool messages have the Extraction as their artifact."""
    with SyncExtractor.open() as extractor:
        tools = [entity_tool(extractor)]
        asking = model.bind_tools(tools)

        def answer(state: MessagesState) -> dict[str, Any]:
            return {"messages": [asking.invoke(state["messages"])]}

        graph = StateGraph(MessagesState)
        graph.add_node("model", answer)
        graph.add_node("tools", ToolNode(tools))
        graph.add_edge(START, "model")
        graph.add_conditional_edges("model", tools_condition)
        graph.add_edge("tools", "model")
        return graph.compile().invoke({"messages": [HumanMessage(question)]})["messages"]


if __name__ == "__main__":
    from langchain.chat_models import init_chat_model

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("question", help="question that contains the text")
    parser.add_argument("--model", required=True, help="chat model, such as openai:gpt-5.4-mini")
    arguments = parser.parse_args()
    print(ask(arguments.question, init_chat_model(arguments.model))[-1].content)
