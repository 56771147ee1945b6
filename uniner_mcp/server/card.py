"""The card that hosts of MCP Apps show with a result of `extract_entities` (SEP-1865)."""

from __future__ import annotations

from mcp.server.apps import Apps, ResourcePermissions

import uniner_mcp
from uniner_mcp.highlight import card

CARD = "ui://uniner/entities"
"""URI of the card; the tool refers to it."""


def card_extension() -> Apps:
    """Return the extension that offers the card. Other hosts ignore it."""
    apps = Apps()
    apps.add_html_resource(
        CARD,
        card(uniner_mcp.__version__),
        name="entities",
        title="Entities in the text",
        description="Shows the text of an extract_entities call with its entities highlighted.",
        permissions=ResourcePermissions(clipboard_write={}),
    )
    return apps
