from __future__ import annotations

from pathlib import Path

import pytest

from uniner_mcp import doctor, load_settings
from uniner_mcp.doctor import examine
from uniner_mcp.engines.nano.manifest import SHIPPED


def found(name: str, **settings: object) -> tuple[bool, str, str]:
    (check,) = [check for check in examine(load_settings(**settings)) if check.name == name]
    return check.fine, check.found, check.remedy


def test_a_policy_that_is_missing_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(folder: str, name: str) -> str:
        raise FileNotFoundError(f"{folder}/{name} is missing: reinstall uniner-mcp.")

    monkeypatch.setattr(doctor, "shipped_text", missing)
    assert found("fallback") == (False, "no policy", "fallbacks/none.toml is missing: reinstall uniner-mcp.")


def test_weights_that_changed_are_named(tmp_path: Path) -> None:
    (tmp_path / "nano.json").write_bytes((SHIPPED / "nano.json").read_bytes())
    fine, said, remedy = found("model files", nano_path=tmp_path)
    assert not fine and "tokenizer.json" in said and "Reinstall" in remedy


def test_a_cache_that_is_turned_off_is_fine() -> None:
    assert found("cache", cache=False) == (True, "turned off", "")
