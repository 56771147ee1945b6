"""A teacher on a real socket: it answers all questions of a passage in one JSON object, or fails in named ways."""

from __future__ import annotations

import json
from typing import Any

from engines.fault_server import KNOWN, Fault, FaultServer, Reply, cut, empty, html, status, stuck, text_of

USAGE = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}


def asked(body: dict[str, Any]) -> tuple[str, dict[str, str]]:
    """The text, and the questions by number, that a request holds."""
    turns = [turn["content"] for turn in body["messages"]]
    return turns[1].removeprefix("Text: "), json.loads(turns[-1].partition("? ")[2])


def lists(body: dict[str, Any]) -> dict[str, list[str]]:
    """The right answer, found by plain search."""
    text, questions = asked(body)
    return {
        number: sorted((name for name in KNOWN.get(kind, []) if name in text), key=text.index)
        for number, kind in questions.items()
    }


def chat(content: str | None, *, finish: str = "stop", refusal: str | None = None, usage: Any = USAGE) -> Reply:
    message = {"role": "assistant", "content": content, "refusal": refusal}
    choice = {"index": 0, "message": message, "finish_reason": finish}
    reply = {"id": "x", "object": "chat.completion", "choices": [choice], "usage": usage}
    return Reply(body=json.dumps(reply).encode())


def teach(path: str, body: dict[str, Any]) -> Reply:
    """What a teacher answers that behaves."""
    return chat(json.dumps(lists(body), ensure_ascii=False))


def error(code: int, name: str, param: str | None = None) -> Fault:
    """An error as OpenAI words it: it repeats the text."""

    def fault(path: str, body: dict[str, Any]) -> Reply:
        said = {"message": f"bad: {body}", "type": "x", "code": name, "param": param}
        return Reply(code, json.dumps({"error": said}).encode())

    return fault


def _says(path: str, content: str | None, **more: Any) -> Reply:
    """The same over /chat/completions and /completions, so that a model server can fail like a teacher."""
    if path == "/v1/chat/completions":
        return chat(content, **more)
    return Reply(body=json.dumps({"choices": [{"index": 0, "text": content}]}).encode())


def unreadable(path: str, body: dict[str, Any]) -> Reply:
    return _says(path, "Sure! Maria Keller is a person, I think.")


def refusal(path: str, body: dict[str, Any]) -> Reply:
    return _says(path, None, refusal=f"I will not read {text_of(path, body)}")


def filtered(path: str, body: dict[str, Any]) -> Reply:
    return _says(path, "", finish="content_filter")


def cut_short(path: str, body: dict[str, Any]) -> Reply:
    """Everything but the last question, and the one before it only in part."""
    numbers = list(lists(body))
    whole = json.dumps({number: lists(body)[number] for number in numbers[:-1]}, ensure_ascii=False)
    return chat(whole[:-2] + ', "Som', finish="length")


def forgetful(path: str, body: dict[str, Any]) -> Reply:
    """The last question is left out."""
    answer = lists(body)
    answer.popitem()
    return chat(json.dumps(answer, ensure_ascii=False))


def fenced(path: str, body: dict[str, Any]) -> Reply:
    return chat(f"```json\n{json.dumps(lists(body))}\n```")


def unmetered(path: str, body: dict[str, Any]) -> Reply:
    return chat(json.dumps(lists(body)), usage=None)


def strict_about(field: str) -> Fault:
    """Refuses a field that it does not know, as newer models refuse older fields and the other way round."""

    def fault(path: str, body: dict[str, Any]) -> Reply | None:
        return error(400, "unsupported_parameter", field)(path, body) if field in body else None

    return fault


FAULTS: dict[str, Fault] = {
    "reply-cut-off": cut,
    "no-reply": stuck,
    "html": html,
    "empty-reply": empty,
    "500": status(500),
    "503-retry-after": status(503, retry_after="3600"),
    "429-rate-limit": status(429, retry_after="3600"),
    "429-no-credit": error(429, "insufficient_quota"),
    "401-key": status(401),
    "404-model": status(404),
    "400-too-long": error(400, "context_length_exceeded"),
    "400-filter": error(400, "content_filter"),
    "400": status(400),
    "unreadable": unreadable,
    "refusal": refusal,
    "content-filter": filtered,
}
"""Named ways to fail, by which nothing is answered. One more is that nobody listens."""


def teacher_server(*faults: Fault, always: Fault | None = None) -> FaultServer:
    return FaultServer(*faults, always=always, behaviour=teach)
