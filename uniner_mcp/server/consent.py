"""Asking the user of the client, once per connection, whether texts may be sent to the teacher."""

from __future__ import annotations

from collections import OrderedDict

from mcp.server.mcpserver import Context
from mcp.types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import BaseModel, Field

_MOST = 10_000
_SESSION = "mcp-session-id"


class Consent(BaseModel):
    """The form that the user is shown."""

    allow: bool = Field(
        title="Send the text", description="Allow this and further texts of this connection to be sent."
    )


class Consents:
    """The answers of the users, by connection.

    Over stdio there is one connection. Over HTTP a connection is a session, which protocol revisions before 2026-07-28
    have; without a session nothing is remembered.
    """

    def __init__(self) -> None:
        self._given: OrderedDict[str, bool] = OrderedDict()

    def recall(self, context: Context[object]) -> bool | None:
        """Return the answer that was given on this connection, or None."""
        name = _connection(context)
        return None if name is None else self._given.get(name)

    def note(self, context: Context[object], allow: bool) -> None:
        """Remember the answer for this connection."""
        name = _connection(context)
        if name is not None:
            self._given[name] = allow
            if len(self._given) > _MOST:
                self._given.popitem(last=False)


def can_ask(context: Context[object]) -> bool:
    """Whether the client can show the user a form."""
    capabilities = context.client_capabilities
    asked = capabilities.elicitation if capabilities is not None else None
    return asked is not None and (asked.form is not None or asked.url is None)


def _connection(context: Context[object]) -> str | None:
    if context.headers is None:
        return "stdio"
    if context.protocol_version in MODERN_PROTOCOL_VERSIONS:
        return None
    return context.headers.get(_SESSION)
