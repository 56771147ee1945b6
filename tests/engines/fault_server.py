"""A real server on a real socket that speaks the OpenAI API, rightly or as wrongly as a test wants it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

KNOWN = {
    "person": ["Maria Keller", "Tom Reed"],
    "a human being, real or fictional": ["Maria Keller", "Tom Reed"],
    "location": ["Berlin", "Paris"],
    "organization": ["Acme Robotics"],
}


@dataclass(frozen=True)
class Reply:
    """What goes over the wire, when `hold` is set; `cut` closes the connection in the middle of the body."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    kind: str = "application/json"
    cut: bool = False
    hold: asyncio.Event | None = None


Fault = Callable[[str, dict[str, Any]], Reply | None]


class FaultServer:
    """`faults` are asked in turn, one a POST request, then the server behaves; `always` is asked each time.

    `asked` has the path and the body of each POST, `models` counts GET /models, `heads` the headers of each request,
    `left` counts the requests that the client gave up; `behaviour` is what a server does that behaves.
    """

    def __init__(
        self, *faults: Fault, owned_by: str = "test", always: Fault | None = None, behaviour: Fault | None = None
    ) -> None:
        self.behaviour = behaviour or right
        self.faults = list(faults)
        self.always = always
        self.owned_by = owned_by
        self.model_ids = ["tiny"]
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.models = 0
        self.heads: list[dict[str, str]] = []
        self.left = 0
        self.at_once = self.most_at_once = 0
        self.url = ""
        self.port = 0
        self.tasks: set[asyncio.Task[None]] = set()
        self._news = asyncio.Event()

    async def until(self, seen: Callable[[FaultServer], bool]) -> None:
        """Wait until `asked` and `left` are as `seen` wants them."""
        while not seen(self):
            self._news.clear()
            await self._news.wait()

    async def answer(self, method: str, path: str, body: dict[str, Any]) -> Reply:
        if method == "GET" and path == "/v1/models":
            self.models += 1
            listed = [{"id": name, "object": "model", "owned_by": self.owned_by} for name in self.model_ids]
            reply = self.always(path, body) if self.always else None
            return reply or Reply(body=json.dumps({"object": "list", "data": listed}).encode())
        self.asked.append((path, body))
        self._news.set()
        fault = self.faults.pop(0) if self.faults else self.always
        reply = (fault(path, body) if fault else None) or self.behaviour(path, body)
        assert reply is not None
        return reply

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        self.at_once += 1
        task.add_done_callback(self.tasks.discard)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()
            method, path, _ = head[0].split()
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:])}
            self.heads.append(headers)
            content = await reader.readexactly(int(headers.get("content-length", 0)))
            self.most_at_once = max(self.at_once, self.most_at_once)
            reply = await self.answer(method, path, _body(headers, content))
            if reply.hold is not None and not await _let_go(reply.hold, reader):
                self.left += 1
                self._news.set()
                return
            lines = [f"HTTP/1.1 {reply.status} x", f"content-type: {reply.kind}", "connection: close"]
            lines += [
                f"content-length: {len(reply.body)}",
                *(f"{name}: {value}" for name, value in reply.headers.items()),
            ]
            sent = reply.body[: len(reply.body) // 2] if reply.cut else reply.body
            writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + sent)
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass  # Python 3.11 logs a handler that was cancelled.
        finally:
            self.at_once -= 1
            writer.close()

    @asynccontextmanager
    async def running(self, port: int = 0) -> AsyncIterator[FaultServer]:
        server = await asyncio.start_server(self.handle, "127.0.0.1", port)
        self.port = server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/v1"
        try:
            yield self
        finally:
            server.close()
            for task in self.tasks:  # Those that still wait: from Python 3.12 on, `wait_closed` waits for them.
                task.cancel()
            await asyncio.gather(*self.tasks, return_exceptions=True)


async def _let_go(hold: asyncio.Event, reader: asyncio.StreamReader) -> bool:
    """Whether it is let go before the client leaves."""
    left, let_go = asyncio.ensure_future(reader.read()), asyncio.ensure_future(hold.wait())
    try:
        await asyncio.wait([left, let_go], return_when=asyncio.FIRST_COMPLETED)
        return let_go.done()
    finally:
        left.cancel()
        let_go.cancel()


def _body(headers: dict[str, str], content: bytes) -> dict[str, Any]:
    if not content:
        return {}
    return json.loads(content) if "json" in headers.get("content-type", "") else {"raw": content}


def text_of(path: str, body: dict[str, Any]) -> str:
    return body["prompt"] if path == "/v1/completions" else "".join(turn["content"] for turn in body["messages"])


def right(path: str, body: dict[str, Any]) -> Reply:
    """The right answer, found by plain search, with probabilities if they were asked for."""
    prompt = text_of(path, body)
    passage = prompt.split("Text: ", 1)[1].rsplit("I've read this text.", 1)[0]
    kind = prompt.rsplit("What describes ", 1)[1].rsplit(" in the text?", 1)[0]
    found = sorted((name for name in KNOWN.get(kind, []) if name in passage), key=passage.index)
    text = " " + json.dumps(found, ensure_ascii=False)
    return completion(path, text, logprobs=bool(body.get("logprobs")))


def completion(path: str, text: str, *, logprobs: bool = False) -> Reply:
    tokens = [{"token": letter, "logprob": -0.01, "bytes": list(letter.encode())} for letter in text]
    if path == "/v1/completions":
        flat = {"tokens": list(text), "token_logprobs": [-0.01] * len(text)}
        choice: dict[str, Any] = {"index": 0, "text": text, "logprobs": flat if logprobs else None}
    else:
        message = {"role": "assistant", "content": text}
        choice = {"index": 0, "message": message, "logprobs": {"content": tokens} if logprobs else None}
    return Reply(body=json.dumps({"object": "completion", "choices": [choice]}).encode())


def html(path: str, body: dict[str, Any]) -> Reply:
    return Reply(body=b"<html>proxy</html>", kind="text/html")


def status(code: int, **headers: str) -> Fault:
    """An error that repeats the caller's text, as real servers do."""

    def fault(path: str, body: dict[str, Any]) -> Reply:
        echo = json.dumps({"error": {"message": f"bad: {body}", "code": code}}).encode()
        return Reply(code, echo, {name.replace("_", "-"): value for name, value in headers.items()})

    return fault


def cut(path: str, body: dict[str, Any]) -> Reply:
    return Reply(body=b"{" + b" " * 200, cut=True)


def not_json(path: str, body: dict[str, Any]) -> Reply:
    return Reply(body=b'{"choices": [' + text_of(path, body).encode())


def empty(path: str, body: dict[str, Any]) -> Reply:
    return Reply(body=b'{"choices": []}')


def stuck(path: str, body: dict[str, Any]) -> Reply:
    """No reply, for as long as the client waits."""
    return Reply(hold=asyncio.Event())


def unless(ok: Callable[[dict[str, Any]], bool], code: int = 400) -> Fault:
    """An error unless the body pleases the server."""
    return lambda path, body: None if ok(body) else status(code)(path, body)
