"""Asking the person at the client whether texts may go to the teacher, once for a connection."""

from __future__ import annotations

from collections import OrderedDict

from mcp.server.mcpserver import Context
from mcp.types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import BaseModel, Field

_MOST = 10_000
_SESSION = "mcp-session-id"


class Consent(BaseModel):
    """What the person is asked."""

    allow: bool = Field(title="Send the text", description="Let this and further texts of this connection be sent.")


class Consents:
    """What was answered on each connection.

    Over stdio there is one connection. Over HTTP it is the session, which the revisions before 2026-07-28 have; without
    one nothing is remembered.
    """

    def __init__(self) -> None:
        self._given: OrderedDict[str, bool] = OrderedDict()

    def recall(self, context: Context[object]) -> bool | None:
        """The answer that was given on this connection, or None."""
        name = _connection(context)
        return None if name is None else self._given.get(name)

    def note(self, context: Context[object], allow: bool) -> None:
        """Remember the answer for the connection."""
        name = _connection(context)
        if name is not None:
            self._given[name] = allow
            if len(self._given) > _MOST:
                self._given.popitem(last=False)


def can_ask(context: Context[object]) -> bool:
    """Whether the client has a form to show to a person."""
    capabilities = context.client_capabilities
    asked = capabilities.elicitation if capabilities is not None else None
    return asked is not None and (asked.form is not None or asked.url is None)


def _connection(context: Context[object]) -> str | None:
    if context.headers is None:
        return "stdio"
    if context.protocol_version in MODERN_PROTOCOL_VERSIONS:
        return None
    return context.headers.get(_SESSION)
