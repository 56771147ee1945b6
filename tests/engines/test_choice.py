from __future__ import annotations

from pathlib import Path

import pytest

from uniner_mcp import SettingsError, load_settings
from uniner_mcp.engines import choice
from uniner_mcp.engines.choice import UNINER, choose_engine

SERVER = "http://127.0.0.1:8000/v1"


@pytest.fixture(params=[False, True], ids=["no-gpu", "gpu"])
def gpu(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> bool:
    """A machine with or without a GPU; vLLM is installed."""
    device = tmp_path / "device"
    if request.param:
        device.touch()
    monkeypatch.setattr(choice, "_GPUS", (str(device),))
    monkeypatch.setattr(choice, "find_spec", lambda name: name == "vllm" or None)
    return request.param


def test_auto_takes_a_configured_server_first(gpu: bool) -> None:
    chosen = choose_engine(load_settings(base_url=SERVER, model="a.gguf"))
    assert (chosen.engine, chosen.model, chosen.served) == ("openai", "a.gguf", True)


def test_auto_takes_vllm_where_there_is_a_gpu_and_a_model(gpu: bool) -> None:
    settings = load_settings(model="students/mine")
    if gpu:
        assert (choose_engine(settings).engine, choose_engine(settings).model) == ("vllm", "students/mine")
    else:
        with pytest.raises(SettingsError, match="no engine can run it"):
            choose_engine(settings)


def test_auto_takes_llama_cpp_for_a_gguf_file(gpu: bool) -> None:
    assert choose_engine(load_settings(model="UniNER-7B-all.Q4_K_M.GGUF")).engine == "llama-cpp"


def test_auto_takes_nano_where_nothing_is_configured_and_downloads_nothing(
    gpu: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    assert choose_engine(load_settings()).engine == "nano"


def test_auto_takes_uniner_on_a_gpu_if_it_was_downloaded_before(
    gpu: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    model = tmp_path / f"models--{UNINER.replace('/', '--')}"
    (model / "refs").mkdir(parents=True)
    (model / "refs" / "main").write_text("abc", encoding="utf-8")
    (model / "snapshots" / "abc").mkdir(parents=True)
    (model / "snapshots" / "abc" / "config.json").write_text("{}", encoding="utf-8")
    chosen = choose_engine(load_settings())
    assert (chosen.engine, chosen.model) == (("vllm", UNINER) if gpu else ("nano", None))


@pytest.mark.parametrize("engine", ["openai", "vllm", "llama-cpp"])
def test_an_engine_that_is_set_speaks_to_a_server_where_there_is_an_address(engine: str) -> None:
    chosen = choose_engine(load_settings(engine=engine, base_url=SERVER))
    assert (chosen.engine, chosen.served, chosen.model) == (engine, True, None)


def test_an_engine_that_is_set_is_taken_whatever_else_there_is() -> None:
    assert choose_engine(load_settings(engine="nano", base_url=SERVER)).engine == "nano"
    assert choose_engine(load_settings(engine="vllm")).model == UNINER
    assert choose_engine(load_settings(engine="llama-cpp", model="a/b:c.gguf")).model == "a/b:c.gguf"


@pytest.mark.parametrize(("engine", "said"), [("openai", "needs `base_url`"), ("llama-cpp", "needs `model`")])
def test_what_an_engine_lacks_is_said(engine: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        choose_engine(load_settings(engine=engine))
