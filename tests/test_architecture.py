"""The map in docs/architecture.md is what import-linter enforces, and every package has its paragraph."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
CONTRACTS: list[dict[str, Any]] = [
    contract
    for contract in tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    if contract["type"] == "layers"
]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^### `([\w.]+)`\n(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL))


def test_each_contract_of_layers_has_a_section() -> None:
    assert [contract["containers"] for contract in CONTRACTS] == [[name] for name in SECTIONS]
    assert all(contract["exhaustive"] for contract in CONTRACTS)


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract["containers"][0])
def test_the_map_has_the_layers_of_its_contract_and_describes_each_module(contract: dict[str, Any]) -> None:
    section = SECTIONS[contract["containers"][0]]
    (layers,) = re.findall(r"^```\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    assert layers.splitlines() == contract["layers"]
    described = set(re.findall(r"\*\*`(\w+)/?`\*\*", section))
    assert described == set(re.findall(r"\w+", layers))
