"""Prompts and fallback policies: text files at the top of the repository, inside the package in a wheel."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_PACKAGE = Path(__file__).parent


def shipped_text(folder: str, name: str) -> str:
    """Read a file of `prompts/` or `fallbacks/`, from the wheel or from the repository of an editable install."""
    for root in (_PACKAGE, _PACKAGE.parent):
        path = root / folder / name
        if path.is_file():
            return path.read_text(encoding="utf-8")
    raise FileNotFoundError(f"{folder}/{name} is missing: reinstall uniner-mcp.")


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt and its version. `{name}` is a placeholder for a value."""

    version: str
    template: str

    def fill(self, **values: str) -> str:
        """Fill in the values. Braces inside a value are kept."""
        return re.sub(r"\{(\w+)\}", lambda found: values[found[1]], self.template)


def load_prompt(name: str) -> Prompt:
    """Read `prompts/NAME.txt`: a line `# version: V`, then the prompt."""
    header, _, template = shipped_text("prompts", f"{name}.txt").partition("\n")
    return Prompt(header.removeprefix("# version:").strip(), template.rstrip("\n"))
