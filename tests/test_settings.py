from __future__ import annotations

from pathlib import Path

import pytest

from uniner_mcp import SettingsError, load_settings
from uniner_mcp.engines.generative.profiles import find_profile
from uniner_mcp.engines.teacher.policy import load_policy
from uniner_mcp.settings import settings_file


@pytest.fixture
def file() -> Path:
    """The settings file of the user."""
    path = settings_file()
    path.parent.mkdir(parents=True)
    return path


def test_command_line_beats_environment_beats_file_beats_default(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().max_types == 64
    file.write_text("max_types = 1\nconcurrency = 2\n", encoding="utf-8")
    assert load_settings().max_types == 1
    monkeypatch.setenv("UNINER_MAX_TYPES", "3")
    assert (load_settings().max_types, load_settings().concurrency) == (3, 2)
    assert load_settings(max_types=4).max_types == 4


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("max_types = 0", "`max_types`"),
        ("max_tpyes = 1", "Unknown setting `max_tpyes`. Known settings: .*max_types"),
        ("max_types = ", "not valid TOML"),
        ('config = "other.toml"', "remove `config`"),
    ],
)
def test_a_wrong_setting_is_named(file: Path, content: str, said: str) -> None:
    file.write_text(content, encoding="utf-8")
    with pytest.raises(SettingsError, match=said):
        load_settings()


def test_a_file_that_is_no_text_is_refused(file: Path) -> None:
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match="UTF-8"):
        load_settings()


def test_a_wrong_value_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNINER_ENGINE", "sk-secret")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert "UNINER_ENGINE" in str(caught.value) and "sk-secret" not in str(caught.value)


def test_several_servers_stand_between_commas_or_in_a_list(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text('base_url = ["http://a/v1", "http://b/v1"]', encoding="utf-8")
    assert load_settings().base_url == ("http://a/v1", "http://b/v1")
    monkeypatch.setenv("UNINER_BASE_URL", "http://c:8000/v1, https://d/v1,")
    assert load_settings().base_url == ("http://c:8000/v1", "https://d/v1")


def test_an_address_without_a_scheme_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNINER_BASE_URL", "localhost:8000")
    with pytest.raises(SettingsError, match="base_url"):
        load_settings()


def test_options_for_an_engine_are_given_as_a_table_or_as_json(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text('[vllm_options]\ndtype = "half"\n', encoding="utf-8")
    assert load_settings().vllm_options == {"dtype": "half"}
    monkeypatch.setenv("UNINER_LLAMA_OPTIONS", '{"n_ctx": 4096}')
    assert load_settings().llama_options == {"n_ctx": 4096}


def test_a_key_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNINER_API_KEY", "sk-secret")
    assert "sk-secret" not in repr(load_settings())


def test_options_that_are_no_json_are_named_and_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNINER_LLAMA_OPTIONS", "{n_threads: SECRET}")
    with pytest.raises(SettingsError, match=r"llama_options.*Use JSON") as failure:
        load_settings()
    assert "SECRET" not in str(failure.value)


def test_a_file_in_the_working_folder_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "uniner.toml").write_text(
        'base_url = "http://192.0.2.1/v1"\nfallback = "policy.toml"', encoding="utf-8"
    )
    assert (load_settings().base_url, load_settings().fallback) == ((), "none")


@pytest.mark.parametrize("source", ["argument", "environment"])
def test_another_file_is_read_if_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    path = tmp_path / "mine.toml"
    with pytest.raises(SettingsError, match=r"mine\.toml does not exist"):
        load_settings(config=path)
    path.write_text("max_types = 1", encoding="utf-8")
    if source == "environment":
        monkeypatch.setenv("UNINER_CONFIG", str(path))
        assert load_settings().max_types == 1
    else:
        assert load_settings(config=path).max_types == 1


def test_paths_in_a_file_are_relative_to_its_folder(file: Path) -> None:
    file.write_text(
        'nano_path = "nano"\nmodel = "models/a.gguf"\nprofile = "p.toml"\nfallback = "/etc/policy.toml"\n',
        encoding="utf-8",
    )
    settings = load_settings()
    assert settings.nano_path == file.parent / "nano" and settings.model == str(file.parent / "models" / "a.gguf")
    assert settings.profile == str(file.parent / "p.toml") and settings.fallback == "/etc/policy.toml"
    file.write_text('model = "Universal-NER/UniNER-7B-all"\nfallback = "on-failure"\n', encoding="utf-8")
    assert (load_settings().model, load_settings().fallback) == ("Universal-NER/UniNER-7B-all", "on-failure")


def test_an_unknown_environment_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNINER_MAX_TPYES", "3")
    with pytest.raises(SettingsError, match=r"UNINER_MAX_TPYES: did you mean UNINER_MAX_TYPES\?"):
        load_settings()


def test_a_variable_of_somebody_else_is_ignored_with_a_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("UNINER_MCP_SERVICE_HOST", "10.0.0.1")
    assert load_settings().max_types == 64
    assert "UNINER_MCP_SERVICE_HOST is ignored" in caplog.text and "10.0.0.1" not in caplog.text


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("base_url", "http://localhost:99999/v1", "http://host:port/v1"),
        ("base_url", "http://localhost:port/v1", "http://host:port/v1"),
        ("base_url", "http://[::1/v1", "http://host:port/v1"),
        ("base_url", "ftp://localhost/v1", "http://host:port/v1"),
        ("cache_max_age_days", "1e300", "36500"),
        ("cache_max_age_days", "nan", "finite"),
        ("cache_max_mb", "9" * 30, "1000000"),
        ("timeout_s", "inf", "finite"),
        ("cache_path", "~nobody-of-that-name/x", "not a valid path"),
        ("fallback", "~nobody-of-that-name/x.toml", "not a valid path"),
        ("model", "a" * 400, "not a valid path"),
        ("profile", "", "at least 1 character"),
    ],
)
def test_a_value_that_cannot_work_is_refused_at_once(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(f"UNINER_{name.upper()}", value)
    with pytest.raises(SettingsError, match=f"`{name}`") as failure:
        load_settings()
    assert said in str(failure.value) and len(str(failure.value)) < 400


def test_a_name_that_no_file_can_have_is_quoted_so_that_it_can_be_printed() -> None:
    with pytest.raises(SettingsError, match=r"'a\\x00b\.gguf' is not a valid path"):
        load_settings(model="a\0b.gguf")


def test_a_file_that_is_nested_too_deeply_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "deep.toml"
    path.write_text(f"a = {'[' * 100_000}", encoding="utf-8")
    for load in (
        lambda: load_settings(config=path),
        lambda: load_policy(str(path)),
        lambda: find_profile("m", str(path)),
    ):
        with pytest.raises(SettingsError, match=r"deep\.toml is nested too deeply"):
            load()
