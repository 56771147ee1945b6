"""Which engine answers, and why: `engine = "auto"` in words."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from uniner_mcp.engines.generative.profiles import Profile, find_profile
from uniner_mcp.errors import SettingsError
from uniner_mcp.settings import Settings

UNINER = "Universal-NER/UniNER-7B-all"
"""What vLLM runs where no model is named: the best that the authors released."""
_GPUS = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")


@dataclass(frozen=True, slots=True)
class Choice:
    """An engine, the reason why it was chosen, and for generative ones the model and its profile.

    `model` is None where a server is to be asked which one it has.
    """

    engine: str
    why: str
    model: str | None = None
    profile: str | None = None
    served: bool = False

    def profile_of(self, model: str) -> Profile:
        """How the model is asked. Raises SettingsError."""
        return find_profile(model, self.profile, served=self.served)


def choose_engine(settings: Settings) -> Choice:
    """The engine that is set, or for `auto` the first of: server, GPU with vLLM, GGUF file, nano.

    Nothing is downloaded unasked: vLLM needs a model that is named, or UniNER-7B-all in the local Hugging Face cache.
    Raises SettingsError where a model is named that nothing here can run.
    """
    model, profile = settings.model, settings.profile
    match settings.engine:
        case "nano":
            return Choice("nano", "it is set")
        case "openai" | "vllm" | "llama-cpp" as engine if settings.base_url:
            return Choice(engine, "it is set, with `base_url`", model, profile, served=True)
        case "openai":
            raise SettingsError("The engine openai needs `base_url` (--base-url http://localhost:8000/v1).")
        case "vllm":
            return Choice("vllm", "it is set", model or UNINER, profile)
        case "llama-cpp":
            if model is None:
                raise SettingsError("The engine llama-cpp needs `model`: a GGUF file, or id:file on Hugging Face.")
            return Choice("llama-cpp", "it is set", model, profile)
        case "auto":
            return _best(settings)


def _best(settings: Settings) -> Choice:
    model, profile = settings.model, settings.profile
    if settings.base_url:
        return Choice("openai", "`base_url` is set", model, profile, served=True)
    is_gguf = model is not None and model.casefold().endswith(".gguf")
    if not is_gguf and find_spec("vllm") and has_gpu() and (model or _in_hub_cache(UNINER)):
        return Choice("vllm", "there is a GPU, and vLLM is installed", model or UNINER, profile)
    if is_gguf:
        return Choice("llama-cpp", "`model` is a GGUF file", model, profile)
    if model is not None:
        raise SettingsError(
            "`model` is set, but nothing runs it: give `base_url` for a server, a GGUF file for llama.cpp, or use a "
            "GPU with pip install 'uniner-mcp[vllm]'; --engine nano answers without it."
        )
    return Choice("nano", "no server, no GPU with a model for vLLM, and no GGUF file is set")


def has_gpu() -> bool:
    """Whether the system shows a GPU that vLLM runs on (NVIDIA, AMD, or either under WSL)."""
    return any(Path(device).exists() for device in _GPUS)


def _in_hub_cache(model: str) -> bool:
    hub = import_module("huggingface_hub")
    return isinstance(hub.try_to_load_from_cache(model, "config.json"), str)
