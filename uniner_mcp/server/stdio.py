"""The protocol over stdin and stdout. At the end of input, or at a signal, running requests are still answered."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
from collections import deque
from collections.abc import AsyncGenerator, Generator
from contextlib import contextmanager, suppress
from typing import Any, cast

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.server.lowlevel.server import Server
from mcp.server.stdio import stdio_server
from mcp.shared.message import SessionMessage
from mcp.types import (
    INVALID_REQUEST,
    PARSE_ERROR,
    ErrorData,
    JSONRPCError,
    JSONRPCNotification,
    JSONRPCRequest,
    JSONRPCResponse,
)

from uniner_mcp.errors import UninerError
from uniner_mcp.server.stopping import Stop

_Received = SessionMessage | Exception


async def run_stdio(server: Server[Any], stop: Stop) -> None:
    """Serve until the input ends or the server is to stop, and the requests received so far are answered."""
    with _claimed_stdin() as wire:
        try:
            await _exchange(server, wire, stop)
        except* BrokenPipeError:
            pass  # The client has closed stdout: nobody receives an answer.


async def _exchange(server: Server[Any], wire: int, stop: Stop) -> None:
    pending = _Pending()
    unread: deque[str] = deque()
    async with stdio_server(stdin=cast(Any, _lines(wire, stop, unread))) as (read, write):
        put_request, requests = anyio.create_memory_object_stream[_Received]()
        answers, take_answer = anyio.create_memory_object_stream[SessionMessage]()
        refusals = answers.clone()

        async def receive() -> None:
            async with put_request, read, refusals:
                async for item in read:
                    line = unread.popleft()
                    if isinstance(item, Exception):
                        await refusals.send(_refusal(line))
                        continue
                    pending.received(item)
                    await put_request.send(item)
                await pending.answered(stop)

        async def answer() -> None:
            async with take_answer, write:
                async for item in take_answer:
                    await write.send(item)
                    pending.sent(item)

        async with anyio.create_task_group() as group:
            group.start_soon(receive)
            group.start_soon(answer)
            await _run(server, requests, answers)


def _refusal(line: str) -> SessionMessage:
    """Return the answer to a line that the SDK cannot read, which it would leave unanswered. It repeats only the id."""
    code, said, known = PARSE_ERROR, "The message is not valid JSON.", None
    with suppress(ValueError, RecursionError):
        message: Any = json.loads(line)
        code, said = INVALID_REQUEST, "The message is not a JSON-RPC request with Unicode text in its strings."
        given: Any = cast("dict[str, Any]", message).get("id") if isinstance(message, dict) else None
        if isinstance(given, str | int) and not isinstance(given, bool):
            str(given).encode()  # Half of a surrogate pair cannot be sent.
            known = given
    return SessionMessage(JSONRPCError(jsonrpc="2.0", id=known, error=ErrorData(code=code, message=said)))


async def _run(
    server: Server[Any],
    requests: MemoryObjectReceiveStream[_Received],
    answers: MemoryObjectSendStream[SessionMessage],
) -> None:
    await server.run(requests, answers, server.create_initialization_options())


class _Pending:
    """The requests that are not answered yet, by id."""

    def __init__(self) -> None:
        self._ids: set[str] = set()
        self._none = asyncio.Event()
        self._none.set()

    def received(self, item: _Received) -> None:
        """Note a request, or that one was cancelled, which is not answered."""
        message = item.message if isinstance(item, SessionMessage) else None
        if isinstance(message, JSONRPCRequest):
            self._ids.add(str(message.id))
        elif isinstance(message, JSONRPCNotification) and message.method == "notifications/cancelled":
            self._ids.discard(str((message.params or {}).get("requestId")))
        self._note()

    def sent(self, item: SessionMessage) -> None:
        """Note an answer."""
        if isinstance(item.message, JSONRPCResponse | JSONRPCError):
            self._ids.discard(str(item.message.id))
        self._note()

    async def answered(self, stop: Stop) -> None:
        """Wait until every request is answered, or the time for that is over."""
        waits = {asyncio.ensure_future(self._none.wait()), asyncio.ensure_future(stop.over.wait())}
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    def _note(self) -> None:
        if self._ids:
            self._none.clear()
        else:
            self._none.set()


async def _lines(wire: int, stop: Stop, unread: deque[str]) -> AsyncGenerator[str]:
    """Yield the lines of stdin until it ends, which asks the server to stop, or until it is to stop.

    `unread` gets each line too, for the answer to one that cannot be read.

    A thread of our own reads them: a blocking read cannot be cancelled, and the process must end in spite of it.
    """
    loop = asyncio.get_running_loop()
    lines: asyncio.Queue[str | None] = asyncio.Queue()
    wanted = threading.Semaphore()

    def put(line: str | None) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(lines.put_nowait, line)

    def read() -> None:
        with os.fdopen(wire, "rb", closefd=False) as file:
            for line in file:
                wanted.acquire()  # One line at a time, so that a client cannot fill the memory.
                put(line.decode("utf-8", errors="replace"))
        put(None)

    threading.Thread(target=read, name="stdin", daemon=True).start()
    asked = asyncio.ensure_future(stop.asked.wait())
    asked.add_done_callback(lambda _: lines.put_nowait(None))
    try:
        while (line := await lines.get()) is not None:
            wanted.release()
            if line.strip():
                unread.append(line)
                yield line
    finally:
        asked.cancel()
    if not stop.asked.is_set():
        stop.ask()


@contextmanager
def _claimed_stdin() -> Generator[int]:
    """Yield a duplicate of stdin, whose place the null device takes meanwhile: child processes must not read from it.

    The SDK does the same with stdout. The duplicate is never closed, because a thread may be reading from it.
    """
    for name, stream in (("input", sys.stdin), ("output", sys.stdout)):
        if stream is None:  # pyright: ignore[reportUnnecessaryComparison]
            raise UninerError(f"Standard {name} is closed: start the server from an MCP client.")
    wire = os.dup(0)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    try:
        yield wire
    finally:
        os.dup2(wire, 0)
