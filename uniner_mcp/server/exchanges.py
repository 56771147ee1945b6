"""HTTP requests that are being answered: each ends with its client or when it is cancelled, all with the server."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import anyio
from mcp import MCPError
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.types import CONNECTION_CLOSED
from mcp.types.version import MODERN_PROTOCOL_VERSIONS
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from uniner_mcp.server.stopping import Stop

_KEY = "uniner.exchange"
_SESSION = b"mcp-session-id"
_VERSION = b"mcp-protocol-version"
_Id = tuple[str, str]


class Exchange:
    """One request and its response, and the work that is done only for them.

    running: the exchanges of the same server, by session and id of the JSON-RPC request, if it is stateless: then each
        has a session of the SDK of its own, which does not know what another one cancels.
    """

    def __init__(self, running: dict[_Id, Exchange] | None = None) -> None:
        self.running = running
        self._scopes: set[anyio.CancelScope] = set()

    @contextmanager
    def work(self) -> Generator[None]:
        """Run the body until it is done or the exchange has ended, which cancels it."""
        scope = anyio.CancelScope()
        self._scopes.add(scope)
        try:
            with scope:
                yield
        finally:
            self._scopes.discard(scope)

    def end(self) -> None:
        """Cancel all work: nobody receives its result."""
        for scope in self._scopes:
            scope.cancel()


class Exchanges:
    """ASGI middleware that ends exchanges.

    When the server is to stop, streams that clients keep open to listen (GET) end immediately, and all others when the
    time for running calls is over. A client that leaves while it sends its request is not an error.

    stateless: whether the SDK keeps no sessions. Clients get a session id all the same (protocol revisions before
        2026-07-28), any id is accepted, and it only tells whose calls a client may cancel.
    """

    def __init__(self, app: ASGIApp, *, stateless: bool = False) -> None:
        self._app = app
        self._running: dict[_Id, Exchange] | None = {} if stateless else None
        self._listening: set[Exchange] = set()
        self._calling: set[Exchange] = set()

    async def end_with(self, stop: Stop) -> None:
        """End the exchanges when the server stops."""
        await stop.asked.wait()
        for exchange in self._listening:
            exchange.end()
        await stop.over.wait()
        for exchange in self._calling:
            exchange.end()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request. Its exchange is in the scope, for `until_gone`."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # `exchange` ends the response itself, `call` the work of the SDK's session for it, which runs in another task.
        exchange, call = Exchange(), Exchange(self._running)
        scope[_KEY] = call
        group = self._listening if scope["method"] == "GET" else self._calling
        complete = started = finished = False

        async def noted_receive() -> Message:
            nonlocal complete
            message = await receive()
            if message["type"] == "http.disconnect":
                call.end()
                if not complete:
                    raise ClientDisconnect
            else:
                complete = complete or not message.get("more_body", False)
            return message

        async def noted_send(message: Message) -> None:
            nonlocal started, finished
            if message["type"] == "http.response.start" and self._running is not None:
                _name_session(scope, message)
            started = True
            finished = message["type"] == "http.response.body" and not message.get("more_body", False)
            await send(message)

        group.add(exchange)
        try:
            with exchange.work():
                await self._app(scope, noted_receive, noted_send)
                return
        except ClientDisconnect:
            return
        finally:
            group.discard(exchange)
        call.end()
        if not started:
            await PlainTextResponse("The server is stopping.", 503)(scope, receive, send)
        elif not finished:
            await send({"type": "http.response.body", "body": b"", "more_body": False})


def _name_session(scope: Scope, start: Message) -> None:
    """Give a client a session id, unless it has one or its protocol revision has none."""
    headers = dict(scope["headers"])
    modern = headers.get(_VERSION, b"").decode("latin-1") in MODERN_PROTOCOL_VERSIONS
    if scope["method"] == "POST" and start["status"] == 200 and _SESSION not in headers and not modern:
        start["headers"] = [*start.get("headers", ()), (_SESSION, uuid4().hex.encode())]


async def until_gone(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """Answer a message only as long as its HTTP client waits for it (middleware of the SDK).

    In protocol revisions before 2026-07-28, the SDK answers in a task of the session, which does not notice that the
    client has left. Streams are not resumable here, so nobody could receive the result.
    """
    request: object = ctx.request
    exchange = request.scope.get(_KEY) if isinstance(request, Request) else None
    if not isinstance(exchange, Exchange):
        return await call_next(ctx)
    with exchange.work(), _cancellable(ctx, exchange):
        return await call_next(ctx)
    raise MCPError(CONNECTION_CLOSED, "The client has left, or the server is stopping.")


@contextmanager
def _cancellable(ctx: ServerRequestContext[Any, Any], exchange: Exchange) -> Generator[None]:
    """Let a notification of the same session end the exchange of a request, if the server is stateless."""
    session = ctx.request.headers.get(_SESSION.decode()) if ctx.request is not None else None
    running = exchange.running
    if session is None or running is None:
        yield
        return
    if ctx.method == "notifications/cancelled":
        cancelled = running.get((session, str((ctx.params or {}).get("requestId"))))
        if cancelled is not None:
            cancelled.end()
    key = (session, str(ctx.request_id))
    if ctx.request_id is not None:
        running[key] = exchange
    try:
        yield
    finally:
        if running.get(key) is exchange:
            del running[key]
