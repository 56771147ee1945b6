"""Seeing the entities: an extraction as a page of its own, as the card of MCP Apps, and a page to try texts on.

All three are one document without network, whose style and scripts stand in it and are named by hash in its
Content-Security-Policy: nothing that comes in with a text can run.
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
"""Version of MCP in which the playground speaks with the server."""
EXAMPLE = (
    "Marie Curie was born in Warsaw in 1867. She studied at the Sorbonne in Paris, married Pierre Curie and shared the "
    "1903 Nobel Prize in Physics with him and with Henri Becquerel."
)


def extraction_page(text: str, extraction: Mapping[str, object], title: str = "Entities") -> str:
    """A page that shows `extraction`, as JSON has it, in its text."""
    return _page(title, "page.js", {"text": text, "extraction": extraction})


def card(version: str) -> str:
    """The card: the host tells it the text and the extraction (SEP-1865)."""
    return _page("Entities", "card.js", {"version": version})


def playground(endpoint: str, version: str) -> str:
    """A page that tries texts on the MCP endpoint at that path of the same server."""
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
        # Nothing in it may end the element that it stands in, or begin a comment.
        data=json.dumps(data, ensure_ascii=False).replace("<", "\\u003c"),
    )


def _file(name: str) -> str:
    return files("uniner_mcp.highlight").joinpath(name).read_text(encoding="utf-8")


def _hash(content: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"
