from __future__ import annotations

import json
from importlib import metadata
from types import SimpleNamespace
from typing import Any

import pytest

from uniner_mcp.installation import install_command

CLONE = {"url": "file:///home/ada/uniner-mcp", "dir_info": {}}
EDITABLE = {"url": "file:///home/ada/uniner-mcp", "dir_info": {"editable": True}}
WHEEL = {"url": "file:///home/ada/uniner_mcp-0.1.0-py3-none-any.whl", "archive_info": {}}


@pytest.mark.parametrize(
    ("origin", "command"),
    [
        (CLONE, "`pip install '.[llama]'` in the clone of uniner-mcp"),
        (EDITABLE, "`pip install -e '.[llama]'` in the clone of uniner-mcp"),
        (WHEEL, "`pip install 'uniner-mcp[llama]'`"),
        (None, "`pip install 'uniner-mcp[llama]'`"),
    ],
    ids=["clone", "editable", "wheel", "index"],
)
def test_an_extra_is_installed_from_where_the_package_came(
    origin: dict[str, Any] | None, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = json.dumps(origin) if origin is not None else None
    installed = SimpleNamespace(read_text=lambda name: written if name == "direct_url.json" else None)
    monkeypatch.setattr(metadata, "distribution", lambda name: installed)
    assert install_command("llama") == command


def test_a_source_tree_that_is_not_installed_is_taken_for_an_index(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "distribution", missing)
    assert install_command("llama") == "`pip install 'uniner-mcp[llama]'`"
