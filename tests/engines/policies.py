"""Policies for tests: the shipped ones with a teacher on this machine."""

from __future__ import annotations

from pathlib import Path

from engines.fault_server import FaultServer

MODEL = "gpt-test"


def write_policy(
    folder: Path, extends: str, teacher: FaultServer | str, more: str = "", top: str = "", timeout_s: float = 60
) -> str:
    """A policy file that extends a shipped one: teacher at that address, without a key; `top` and `more` are TOML."""
    url = teacher if isinstance(teacher, str) else teacher.url
    path = folder / f"{extends}-here.toml"
    path.write_text(
        f"""extends = "{extends}"
{top}
[teacher]
model = "{MODEL}"
base_url = "{url}"
key_variable = ""
timeout_s = {timeout_s}
max_answer_tokens = 400
[prices."{MODEL}"]
input = 1.0
output = 10.0
{more}
""",
        encoding="utf-8",
    )
    return str(path)
