"""A played model: speaks the APIs of OpenAI, Anthropic and Google, and calls `extract_entities` once per conversation.

The base URL of a client is `http://127.0.0.1:PORT/CLIENT/SCENARIO`; the scenario decides on the arguments of the call.
What each conversation was sent is recorded.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOOL = "extract_entities"
DONE = "Done."


@dataclass
class Conversation:
    """What one conversation showed the model: the declaration of our tool, and the result of the call."""

    tool: dict[str, Any] | None = None
    result: str | None = None
    is_error: bool = False
    requests: list[dict[str, Any]] = field(default_factory=list)


class PlayedModel:
    """The server. `arguments`: by scenario, those of the call."""

    def __init__(self, arguments: Mapping[str, Mapping[str, Any]]) -> None:
        self.arguments = arguments
        self.conversations: dict[tuple[str, str], Conversation] = {}
        model = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self._send("application/json", json.dumps({"object": "list", "data": [], "models": []}))

            def do_POST(self) -> None:
                chunked = self.headers.get("transfer-encoding") == "chunked"
                length = int(self.headers.get("content-length") or 0)
                request = json.loads((self._chunks() if chunked else self.rfile.read(length)) or b"{}")
                client, scenario, path = self.path.lstrip("/").split("/", 2)
                kind, answer = model.answer(client, scenario, path.partition("?")[0], request)
                self._send(kind, answer)

            def _chunks(self) -> bytes:
                whole = b""
                while size := int(self.rfile.readline(), 16):
                    whole += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
                return whole

            def _send(self, kind: str, body: str) -> None:
                encoded = body.encode()
                self.send_response(200)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(encoded)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(encoded)

            do_HEAD = do_GET

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> PlayedModel:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()

    def answer(self, client: str, scenario: str, path: str, request: dict[str, Any]) -> tuple[str, str]:
        """Record a request, and return the content type and the body of its answer."""
        seen = self.conversations.setdefault((client, scenario), Conversation())
        seen.requests.append(request)
        if "count_tokens" in path or "countTokens" in path:
            return "application/json", json.dumps({"input_tokens": 1, "totalTokens": 1})
        tool = _declaration(request.get("tools"))
        result = _result(request)
        if tool is not None:
            seen.tool = tool
        if result is not None:
            seen.result, seen.is_error = result
        call = None
        if tool is not None and result is None:
            call = (tool["name"], tool.get("namespace"), json.dumps(self.arguments[scenario], ensure_ascii=False))
        if path.endswith("chat/completions"):
            return _chat(call, stream=bool(request.get("stream")))
        if path.endswith("responses"):
            return _responses(call, stream=bool(request.get("stream")))
        if path.endswith("messages"):
            return _messages(call, stream=bool(request.get("stream")))
        return _gemini(call, stream="stream" in path)


def _declaration(given: Any, namespace: str | None = None) -> dict[str, Any] | None:
    """Our tool among those offered: its name, description and schema, whatever the API calls them."""
    if isinstance(given, list):
        return next((found for one in given if (found := _declaration(one, namespace)) is not None), None)
    if not isinstance(given, dict):
        return None
    name = given.get("name")
    if isinstance(name, str) and name.endswith(TOOL):
        keys = ("parameters", "input_schema", "parametersJsonSchema", "parameters_json_schema")
        schema = next((given[key] for key in keys if key in given), {})
        return {
            "name": name, "description": given.get("description", ""), "schema": schema, "namespace": namespace
        }  # fmt: skip
    inner = name if given.get("type") == "namespace" else namespace
    for key in ("tools", "function", "functionDeclarations", "function_declarations"):
        if key in given and (found := _declaration(given[key], inner)) is not None:
            return found
    return None


def _result(request: dict[str, Any]) -> tuple[str, bool] | None:
    """The result of the call that the request contains, as text, and whether it is marked as an error."""
    for item in _parts(request):
        if item.get("role") == "tool" or item.get("type") == "function_call_output":
            return _text(item.get("content", item.get("output"))), False
        if item.get("type") == "tool_result":
            return _text(item.get("content")), bool(item.get("is_error"))
        if "functionResponse" in item:
            response = item["functionResponse"]["response"]
            is_error = isinstance(response, dict) and ("error" in response or bool(response.get("isError")))
            return json.dumps(response, ensure_ascii=False), is_error
    return None


def _parts(request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for message in [*request.get("messages", []), *_listed(request.get("input")), *request.get("contents", [])]:
        yield message
        for part in [*_listed(message.get("content")), *_listed(message.get("parts"))]:
            if isinstance(part, dict):
                yield part


def _listed(given: Any) -> list[Any]:
    return given if isinstance(given, list) else []


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(part.get("text", "") if isinstance(part, dict) else str(part) for part in _listed(content))


Call = tuple[str, str | None, str]


def _events(events: list[dict[str, Any]], *, named: bool) -> str:
    return "".join(
        (f"event: {event['type']}\n" if named else "") + f"data: {json.dumps(event)}\n\n" for event in events
    )


def _chat(call: Call | None, *, stream: bool) -> tuple[str, str]:
    base = {"id": "chatcmpl-1", "created": 1, "model": "played"}
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    message: dict[str, Any] = {"role": "assistant", "content": DONE}
    if call is not None:
        function = {"name": call[0], "arguments": call[2]}
        message = {"role": "assistant", "content": None}
        message["tool_calls"] = [{"id": "call_1", "type": "function", "function": function, "index": 0}]
    reason = "stop" if call is None else "tool_calls"
    if not stream:
        choice = {"index": 0, "message": message, "finish_reason": reason}
        whole = {**base, "object": "chat.completion", "choices": [choice], "usage": usage}
        return "application/json", json.dumps(whole)
    chunk = {**base, "object": "chat.completion.chunk"}
    first = {**chunk, "choices": [{"index": 0, "delta": message, "finish_reason": None}]}
    last = {**chunk, "choices": [{"index": 0, "delta": {}, "finish_reason": reason}], "usage": usage}
    return "text/event-stream", _events([first, last], named=False) + "data: [DONE]\n\n"


def _responses(call: Call | None, *, stream: bool) -> tuple[str, str]:
    item: dict[str, Any] = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed"}
    item["content"] = [{"type": "output_text", "text": DONE, "annotations": []}]
    if call is not None:
        item = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": call[0], "arguments": call[2]}
        item |= {"status": "completed", **({"namespace": call[1]} if call[1] else {})}
    usage = {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}
    usage |= {"input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0}}
    response = {"id": "resp_1", "object": "response", "created_at": 1, "model": "played", "status": "completed"}
    response |= {"output": [item], "usage": usage, "tools": [], "parallel_tool_calls": False, "tool_choice": "auto"}
    if not stream:
        return "application/json", json.dumps(response)
    begun = {**response, "status": "in_progress", "output": []}
    events = [
        {"type": "response.created", "sequence_number": 0, "response": begun},
        {"type": "response.output_item.added", "sequence_number": 1, "output_index": 0, "item": item},
        {"type": "response.output_item.done", "sequence_number": 2, "output_index": 0, "item": item},
        {"type": "response.completed", "sequence_number": 3, "response": response},
    ]
    return "text/event-stream", _events(events, named=True)


def _messages(call: Call | None, *, stream: bool) -> tuple[str, str]:
    block: dict[str, Any] = {"type": "text", "text": DONE}
    if call is not None:
        block = {"type": "tool_use", "id": "toolu_1", "name": call[0], "input": json.loads(call[2])}
    reason = "end_turn" if call is None else "tool_use"
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "played", "stop_sequence": None}
    usage = {"input_tokens": 1, "output_tokens": 1}
    if not stream:
        whole = {**message, "content": [block], "stop_reason": reason, "usage": usage}
        return "application/json", json.dumps(whole)
    if call is None:
        start, delta = {"type": "text", "text": ""}, {"type": "text_delta", "text": DONE}
    else:
        start, delta = {**block, "input": {}}, {"type": "input_json_delta", "partial_json": call[2]}
    events = [
        {"type": "message_start", "message": {**message, "content": [], "stop_reason": None, "usage": usage}},
        {"type": "content_block_start", "index": 0, "content_block": start},
        {"type": "content_block_delta", "index": 0, "delta": delta},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": None}, "usage": usage},
        {"type": "message_stop"},
    ]
    return "text/event-stream", _events(events, named=True)


def _gemini(call: Call | None, *, stream: bool) -> tuple[str, str]:
    part: dict[str, Any] = {"text": DONE}
    if call is not None:
        part = {"functionCall": {"name": call[0], "args": json.loads(call[2])}}
    candidate = {"content": {"role": "model", "parts": [part]}, "finishReason": "STOP", "index": 0}
    usage = {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2}
    whole = {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "played", "responseId": "r1"}
    if not stream:
        return "application/json", json.dumps(whole)
    return "text/event-stream", _events([whole], named=False)
