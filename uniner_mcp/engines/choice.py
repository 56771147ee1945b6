"""Which engine is used, and why: the rules of `engine = "auto"`."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from uniner_mcp.engines.generative.profiles import Profile, find_profile
from uniner_mcp.errors import SettingsError
from uniner_mcp.installation import install_command
from uniner_mcp.settings import Settings

UNINER = "Universal-NER/UniNER-7B-all"
"""Default model of vLLM: the best one that the authors released."""
_GPUS = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")


@dataclass(frozen=True, slots=True)
class Choice:
    """An engine, the reason for choosing it, and the model and profile of a generative one.

    `model` is None if the server is asked which model it has. `served` is true for a model behind `base_url`.
    """

    engine: str
    why: str
    model: str | None = None
    profile: str | None = None
    served: bool = False

    def profile_of(self, model: str) -> Profile:
        """Return the prompt profile for a model. Raises SettingsError."""
        return find_profile(model, self.profile, served=self.served)


def choose_engine(settings: Settings) -> Choice:
    """Return the engine that is set, or for `auto` the first of: server, vLLM on a GPU, GGUF file, nano.

    Nothing is downloaded without being asked for: `auto` chooses vLLM only if `model` is set or UniNER-7B-all is in the
    local Hugging Face cache. Raises SettingsError if no engine here can run `model`.
    """
    model, profile = settings.model, settings.profile
    match settings.engine:
        case "nano":
            return Choice("nano", "`engine` is set")
        case "openai" | "vllm" | "llama-cpp" as engine if settings.base_url:
            return Choice(engine, "`engine` and `base_url` are set", model, profile, served=True)
        case "openai":
            raise SettingsError("The engine openai needs `base_url`, for example --base-url http://localhost:8000/v1.")
        case "vllm":
            return Choice("vllm", "`engine` is set", model or UNINER, profile)
        case "llama-cpp":
            if model is None:
                raise SettingsError("The engine llama-cpp needs `model`: a GGUF file, or id:file on Hugging Face.")
            return Choice("llama-cpp", "`engine` is set", model, profile)
        case "auto":
            return _best(settings)


def _best(settings: Settings) -> Choice:
    model, profile = settings.model, settings.profile
    if settings.base_url:
        return Choice("openai", "`base_url` is set", model, profile, served=True)
    is_gguf = model is not None and model.casefold().endswith(".gguf")
    if not is_gguf and find_spec("vllm") and has_gpu() and (model or _in_hub_cache(UNINER)):
        return Choice("vllm", "a GPU and vLLM are available", model or UNINER, profile)
    if is_gguf:
        return Choice("llama-cpp", "`model` is a GGUF file", model, profile)
    if model is not None:
        raise SettingsError(
            "`model` is set, but no engine can run it: set `base_url` for a server, set `model` to a GGUF file for "
            f"llama.cpp, install vLLM on a machine with a GPU ({install_command('vllm')}), or use --engine nano."
        )
    if profile is not None:
        raise SettingsError("`profile` is set, but nano has no prompt profile: set `model` too, or remove `profile`.")
    return Choice("nano", "default: no server, GGUF file or vLLM model is configured")


def has_gpu() -> bool:
    """Whether this machine has a GPU that vLLM supports (NVIDIA, AMD, or either under WSL)."""
    return any(Path(device).exists() for device in _GPUS)


def _in_hub_cache(model: str) -> bool:
    hub = import_module("huggingface_hub")
    return isinstance(hub.try_to_load_from_cache(model, "config.json"), str)
