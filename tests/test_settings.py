from __future__ import annotations

from pathlib import Path

import pytest

from uniner_mcp import SettingsError, load_settings


def test_command_line_beats_environment_beats_file_beats_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load_settings().max_types == 64
    (tmp_path / "uniner.toml").write_text("max_types = 1\nconcurrency = 2\n", encoding="utf-8")
    assert load_settings().max_types == 1
    monkeypatch.setenv("UNINER_MAX_TYPES", "3")
    assert (load_settings().max_types, load_settings().concurrency) == (3, 2)
    assert load_settings(max_types=4).max_types == 4


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("max_types = 0", "`max_types`"),
        ("max_tpyes = 1", "Unknown setting `max_tpyes`; there are .*max_types"),
        ("max_types = ", "not valid TOML"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, file: str, said: str) -> None:
    (tmp_path / "uniner.toml").write_text(file, encoding="utf-8")
    with pytest.raises(SettingsError, match=said):
        load_settings()


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "uniner.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match="UTF-8"):
        load_settings()


def test_a_wrong_value_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNINER_ENGINE", "sk-secret")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert "UNINER_ENGINE" in str(caught.value) and "sk-secret" not in str(caught.value)
