"""Refusals of bodies that are not JSON-RPC. The SDK's quote the body, which contains the caller's text."""

from __future__ import annotations

from typing import Any

import orjson
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_FIXED = {
    "Parse error": "Parse error: the body is not valid JSON in UTF-8.",
    "Validation error": "Validation error: the body is not a JSON-RPC message.",
}


class Refusals:
    """ASGI middleware that replaces the message of such a refusal by one without the caller's words."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        start: Message | None = None

        async def replaced(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start" and message["status"] == 400:
                start = message
                return
            if start is not None:
                body = _fixed(message.get("body", b""))
                MutableHeaders(raw=start["headers"])["content-length"] = str(len(body))
                await send(start)
                start, message = None, {**message, "body": body}
            await send(message)

        await self._app(scope, receive, replaced)


def _fixed(body: bytes) -> bytes:
    try:
        reply: Any = orjson.loads(body)
        kind = reply["error"]["message"].partition(":")[0]
        return orjson.dumps(reply | {"error": reply["error"] | {"message": _FIXED[kind]}})
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        return body
