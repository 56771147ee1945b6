from __future__ import annotations

import pytest

from uniner_mcp.shipped import Prompt, load_prompt, shipped_text


def test_prompts_have_a_version_and_policies_are_found() -> None:
    assert load_prompt("annotate").version == "2"
    assert "consent" in shipped_text("fallbacks", "none.toml")


def test_braces_in_a_value_are_left_alone() -> None:
    assert Prompt("1", "{a} and {b}").fill(a="{b}", b="{c}") == "{b} and {c}"


def test_a_missing_file_says_what_to_do() -> None:
    with pytest.raises(FileNotFoundError, match="reinstall"):
        shipped_text("prompts", "nothing.txt")
