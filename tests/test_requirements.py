from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

HERE = Path(__file__).parent
REQUIREMENTS = tomllib.loads((HERE / "requirements.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", REQUIREMENTS)
def test_every_promise_names_tests_that_exist(name: str) -> None:
    assert REQUIREMENTS[name]["promise"] and REQUIREMENTS[name]["tests"]
    for test in REQUIREMENTS[name]["tests"]:
        path, _, function = test.partition("::")
        code = (HERE / path).read_text(encoding="utf-8")
        assert re.search(rf"^ *(async )?def {function}\(", code, re.MULTILINE), test
