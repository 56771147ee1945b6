from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parent.parent.parent / "examples").glob("*.py"))


@pytest.mark.parametrize(("name", "said"), [("extract_document", "person: "), ("mcp_client", "Supreme Court of India")])
def test_an_example_runs(name: str, said: str) -> None:
    (path,) = [path for path in EXAMPLES if path.stem == name]
    done = subprocess.run([sys.executable, path], capture_output=True, text=True, timeout=50, check=True)
    assert said in done.stdout


def test_every_example_is_run() -> None:
    assert [path.stem for path in EXAMPLES] == ["extract_document", "mcp_client"]
