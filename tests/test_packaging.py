"""What is said of the package in several places is the same everywhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import uniner_mcp

ROOT = Path(__file__).parent.parent


def read(name: str) -> dict[str, Any]:
    return json.loads((ROOT / name).read_text(encoding="utf-8"))


def test_the_registry_entry_and_the_bundle_have_our_version() -> None:
    entry, bundle = read("server.json"), read("bundle/manifest.json")
    assert entry["version"] == entry["packages"][0]["version"] == bundle["version"] == uniner_mcp.__version__
    assert entry["description"] == bundle["description"] and len(entry["description"]) <= 100


def test_the_readme_names_the_registry_entry() -> None:
    # The registry looks for it on the page of the package, to see that both have one owner.
    assert f"<!-- mcp-name: {read('server.json')['name']} -->" in (ROOT / "README.md").read_text(encoding="utf-8")
