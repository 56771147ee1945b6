from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from engines.fault_server import FaultServer, status

from uniner_mcp import load_settings
from uniner_mcp.doctor import examine, generative
from uniner_mcp.doctor.check import Check
from uniner_mcp.engines import choice

pytestmark = pytest.mark.anyio


def found(name: str, **settings: object) -> list[Check]:
    return [check for check in examine(load_settings(**settings)) if check.name == name]


def test_the_engine_is_named_with_the_reason() -> None:
    (check,) = found("engine")
    assert check.fine and check.found.startswith("nano (default: no server")


def test_settings_from_which_none_can_be_chosen_are_a_problem_with_its_remedy() -> None:
    (check,) = found("engine", engine="openai")
    assert not check.fine and "base_url" in check.remedy


async def test_each_server_is_asked_for_its_models() -> None:
    async with FaultServer().running() as up, FaultServer(always=lambda p, b: status(401)(p, b)).running() as shut:
        settings = {"base_url": f"{up.url},{shut.url}"}
        well, ill = await asyncio.to_thread(lambda: found("server", **settings))
        (engine,) = await asyncio.to_thread(lambda: found("engine", **settings))
        (other,) = await asyncio.to_thread(lambda: found("server", base_url=up.url, model="b"))
    assert well.fine and well.found == f"127.0.0.1:{up.port} (this machine), models: tiny"
    assert not ill.fine and "api_key" in ill.remedy
    assert engine.fine and "prompt profile instruct; model licence: unknown, see the model card" in engine.found
    assert not other.fine and "has no model b" in other.remedy


async def test_a_server_that_is_down_is_a_problem_with_its_remedy() -> None:
    async with FaultServer().running() as server:
        pass
    (engine,) = await asyncio.to_thread(lambda: found("engine", base_url=server.url))
    (check,) = await asyncio.to_thread(lambda: found("server", base_url=server.url))
    assert not engine.fine and not check.fine and "start the server" in check.remedy


def test_a_model_file_is_looked_at(tmp_path: Path) -> None:
    pytest.importorskip("xllamacpp", reason="xllamacpp has no wheel for this platform")
    file = tmp_path / "m.gguf"
    (missing,) = found("llama.cpp", model=str(file))
    file.write_bytes(b"<html>")
    (broken,) = found("llama.cpp", model=str(file))
    file.write_bytes(b"GGUF" + b"\0" * 99)
    (whole,) = found("llama.cpp", model=str(file))
    (remote,) = found("llama.cpp", engine="llama-cpp", model="a/b:c.gguf")
    assert [check.fine for check in (missing, broken, whole, remote)] == [False, False, True, True]
    assert "not a GGUF file" in broken.found and "Hugging Face" in remote.found


def test_engines_that_are_not_installed_say_how_to_install_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generative, "find_spec", lambda name: None)
    (llama,) = found("llama.cpp", model="m.gguf")
    (vllm,) = found("vllm", engine="vllm")
    assert "[llama]'" in llama.remedy and "[vllm]'" in vllm.remedy
    assert found("GPU", engine="vllm") == []


@pytest.fixture(params=[None, 8, 24], ids=["no-gpu", "8-gib", "24-gib"])
def memory(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[int | None]:
    """vLLM is installed, on a machine with no GPU, or one with so many GiB of free memory."""
    device = tmp_path / "device"
    if request.param:
        device.touch()
    cuda = SimpleNamespace(mem_get_info=lambda: ((request.param or 0) * 1024**3, 24 * 1024**3))
    torch: Any = SimpleNamespace(cuda=cuda)
    monkeypatch.setattr(choice, "_GPUS", (str(device),))
    monkeypatch.setattr(generative, "find_spec", lambda name: True)
    monkeypatch.setattr(generative, "import_module", lambda name: torch)
    yield request.param


def test_memory_of_the_gpu_is_compared_with_what_uniner_takes(memory: int | None) -> None:
    (check,) = found("GPU", engine="vllm")
    assert check.fine == (memory == 24)
    if memory:
        assert f"{memory}.0 of 24.0 GiB free; UniNER-7B takes 12.6 GiB in 16 bits" in check.found
    else:
        assert "llama-cpp" in check.remedy
    if memory == 8:
        assert "quantization" in check.remedy


@pytest.mark.parametrize(
    "more", [{"vllm_options": {"quantization": "fp8"}}, {"model": "small", "profile": "uniner"}], ids=["fp8", "small"]
)
def test_a_smaller_model_may_well_fit(memory: int | None, more: dict[str, Any]) -> None:
    (check,) = found("GPU", engine="vllm", **more)
    assert check.fine == (memory is not None)
