from __future__ import annotations

from pathlib import Path

import pytest

from uniner_mcp import SyncExtractor, load_settings
from uniner_mcp.doctor import examine
from uniner_mcp.engines.nano.manifest import SHIPPED
from uniner_mcp.settings import settings_file


def found(name: str, **settings: object) -> tuple[bool, str, str]:
    (check,) = [check for check in examine(load_settings(**settings)) if check.name == name]
    return check.fine, check.found, check.remedy


def test_the_policy_is_described_and_its_key_is_never_shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert found("fallback") == (True, "none: no text is sent to a teacher", "")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    fine, said, remedy = found("fallback", fallback="on-failure")
    assert (fine, said) == (False, "on-failure") and "set OPENAI_API_KEY" in remedy
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    fine, said, remedy = found("fallback", fallback="on-failure", ledger_path=tmp_path / "ledger.sqlite")
    assert fine and "sk-secret" not in said + remedy
    assert "texts may be sent to gpt-5.4-mini at api.openai.com; today: 0 questions, 0.00 of 2.00 US dollars" in said


def test_where_only_the_teacher_answers_no_local_engine_is_examined(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    assert "teacher, model gpt-5.4-mini at api.openai.com" in found("engine", fallback="teacher-only")[1]


def test_weights_that_changed_are_named(tmp_path: Path) -> None:
    (tmp_path / "nano.json").write_bytes((SHIPPED / "nano.json").read_bytes())
    fine, said, remedy = found("model files", nano_path=tmp_path)
    assert not fine and "tokenizer.json" in said and "Reinstall" in remedy


def test_a_cache_that_is_turned_off_is_fine() -> None:
    assert found("cache", cache=False) == (True, "turned off", "")


def test_a_cache_that_holds_answers_is_fine_and_counted(own_cache: Path) -> None:
    with SyncExtractor.open() as extractor:
        extractor.extract("Ada Lovelace", ["person"])
    fine, said, _ = found("cache")
    assert fine and said.startswith(f"{own_cache}: 1 answers")


def test_the_settings_file_and_the_variables_are_named_without_their_values(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNINER_API_KEY", "sk-secret")
    (tmp_path / "uniner.toml").write_text("max_types = 1", encoding="utf-8")
    said = found("settings")[1]
    assert f"{settings_file()} does not exist; {tmp_path / 'uniner.toml'} is ignored" in said
    assert "UNINER_API_KEY" in said and "sk-secret" not in said
    assert found("settings", config=tmp_path / "uniner.toml")[1].startswith(
        f"read {tmp_path / 'uniner.toml'}; environment"
    )
