"""Showing entities: an extraction as an HTML page, as the card of MCP Apps, and a playground to try texts.

Each is one self-contained document. Its Content-Security-Policy allows only the embedded style and scripts, by hash:
nothing in a text can run. Only the playground may use the network, to reach its own server.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from html import escape
from importlib.resources import files
from string import Template

PROTOCOL = "2025-11-25"
"""Version of MCP that the playground uses."""
EXAMPLE = (
    "Marie Curie was born in Warsaw in 1867. She studied at the Sorbonne in Paris, married Pierre Curie and shared the "
    "1903 Nobel Prize in Physics with him and with Henri Becquerel."
)


def extraction_page(text: str, extraction: Mapping[str, object], title: str = "Entities") -> str:
    """Return a page that shows `extraction`, given as JSON data, in its text."""
    return _page(title, "page.js", {"text": text, "extraction": extraction})


def card(version: str) -> str:
    """Return the card; the host sends it the text and the extraction (SEP-1865)."""
    return _page("Entities", "card.js", {"version": version})


def playground(endpoint: str, version: str) -> str:
    """Return a page to try texts, which uses the MCP endpoint at this path of the same server."""
    data = {"endpoint": endpoint, "version": version, "protocol": PROTOCOL, "example": EXAMPLE}
    return _page("uniner-mcp playground", "playground.js", data, connect="'self'")


def _page(title: str, script: str, data: Mapping[str, object], connect: str = "'none'") -> str:
    style, code = _file("view.css"), f"{_file('view.js')}\n{_file(script)}"
    policy = (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(code)}; connect-src {connect}; "
        "base-uri 'none'; form-action 'none'"
    )
    return Template(_file("page.html")).substitute(
        title=escape(title),
        policy=escape(policy),
        style=style,
        script=code,
        # The data must not end its element or begin a comment.
        data=json.dumps(data, ensure_ascii=False).replace("<", "\\u003c"),
    )


def _file(name: str) -> str:
    return files("uniner_mcp.highlight").joinpath(name).read_text(encoding="utf-8")


def _hash(content: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"
