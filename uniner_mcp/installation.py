"""Where this package was installed from, and so how an extra is added to it."""

from __future__ import annotations

import json
from importlib import metadata
from typing import Any

DOCUMENTATION = "https://github.com/uniner-mcp/uniner-mcp/tree/main/docs"
"""The documentation, which an installed package does not contain."""


def install_command(extra: str) -> str:
    """Return the command that installs an extra, as it is run for this installation: from a clone, or from an index.

    Source: `direct_url.json`, which installers write for everything that does not come from an index (PEP 610).
    """
    try:
        written = metadata.distribution("uniner-mcp").read_text("direct_url.json")
    except metadata.PackageNotFoundError:
        written = None
    origin: dict[str, Any] = json.loads(written) if written is not None else {}
    if "dir_info" not in origin:
        return f"`pip install 'uniner-mcp[{extra}]'`"
    editable = "-e " if origin["dir_info"].get("editable") else ""
    return f"`pip install {editable}'.[{extra}]'` in the clone of uniner-mcp"
