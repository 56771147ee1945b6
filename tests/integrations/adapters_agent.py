"""Runs an example of docs/frameworks.md (a file) with a scripted model, which calls the tool with ARGUMENTS (JSON).

The model's last message is what the tool said.
"""

import json
import sys
from pathlib import Path

from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult

CALL = {"name": "extract_entities", "args": json.loads(sys.argv[2]), "id": "1"}


class Scripted(GenericFakeChatModel):
    def bind_tools(self, tools, **more):
        return self

    def _generate(self, messages, *given, **more):
        told = messages[-1]
        if isinstance(told, ToolMessage):
            said = AIMessage(told.content if isinstance(told.content, str) else told.content[0]["text"])
        else:
            said = AIMessage("", tool_calls=[CALL])
        return ChatResult(generations=[ChatGeneration(message=said)])


exec(
    compile(Path(sys.argv[1]).read_text(encoding="utf-8"), sys.argv[1], "exec"), {"model": Scripted(messages=iter([]))}
)
