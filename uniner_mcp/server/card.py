"""The card that hosts of MCP Apps show beside a result of `extract_entities` (SEP-1865)."""

from __future__ import annotations

from mcp.server.apps import Apps, ResourcePermissions

import uniner_mcp
from uniner_mcp.highlight import card

CARD = "ui://uniner/entities"
"""Where the card is; the tool names it."""


def card_extension() -> Apps:
    """The extension that offers the card. Hosts without it get what they always get."""
    apps = Apps()
    apps.add_html_resource(
        CARD,
        card(uniner_mcp.__version__),
        name="entities",
        title="The entities in their text",
        description="Shows the text of a call of extract_entities with its entities marked.",
        permissions=ResourcePermissions(clipboard_write={}),
    )
    return apps
