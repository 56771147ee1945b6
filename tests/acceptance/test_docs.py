"""README and docs/ say what is so: their commands exist, their examples run and print what stands there."""

from __future__ import annotations

import json
import re
import runpy
from pathlib import Path

import pytest
from documents.making import pdf

from uniner_mcp import load_settings
from uniner_mcp.distill.recipe import read_recipe
from uniner_mcp.engines.generative.profiles import find_profile

ROOT = Path(__file__).parent.parent.parent
DOCS = sorted((ROOT / "docs").glob("*.md"))
PAGES = [ROOT / "README.md", ROOT / "benchmarks" / "README.md", *DOCS]
REFERENCE = runpy.run_path(str(ROOT / "scripts" / "reference.py"))
BLOCKS = [
    (path.name, *block)
    for path in PAGES
    for block in re.findall(r"^```(\w+)\n(.*?)^```$", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
]
"""Page, language and content of each fenced block."""
SHOWN = "".join(
    example.replace("\\\n", " ")
    for path in REFERENCE["PAGES"]
    for _, example, _ in REFERENCE["SHOWN"].findall(path.read_text(encoding="utf-8"))
)
"""The examples whose output is shown: run by test_examples_print_what_stands_there."""
# Those of frameworks.md need the frameworks (tests/integrations/test_docs.py), that of fallbacks.md a server
# (tests/engines/teacher/test_batch.py).
PYTHON = [
    (page, content)
    for page, language, content in BLOCKS
    if language == "python" and page not in ("frameworks.md", "fallbacks.md") and content not in SHOWN
]
COMMANDS = {
    line.replace("\\\n", " ")
    for _, language, content in BLOCKS
    if language == "sh"
    for line in re.findall(r"uniner-mcp ((?:[^\n\\]|\\\n)*)", content)
}
OTHERS = "--engine|--model|--base-url|--fallback"
"""Options that ask for more than the package."""
OPTIONS = dict(
    re.findall(r"^##+ `uniner-mcp ([^`]+)`\n(.*?)(?=^##|\Z)", REFERENCE["commands_page"](), re.MULTILINE | re.DOTALL)
)
"""The section of docs/commands.md, by command."""


@pytest.mark.parametrize("page", ["tools_page", "commands_page", "model_card_page"])
def test_a_page_that_is_written_from_the_code_is_up_to_date(page: str) -> None:
    written = (ROOT / "docs" / f"{page.removesuffix('_page').replace('_', '-')}.md").read_text(encoding="utf-8")
    assert written == REFERENCE[page](), "run .venv/bin/python scripts/reference.py"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_pictures_and_pages_that_are_linked_exist(path: Path) -> None:
    for target in re.findall(r"\]\((?!https?://|#)([^)#]+)", path.read_text(encoding="utf-8")):
        assert (path.parent / target).exists(), target
        assert path not in DOCS or not target.startswith(".."), f"{target} is not on the site"


@pytest.mark.parametrize(("page", "content"), PYTHON)
def test_an_example_in_python_runs(page: str, content: str) -> None:
    REFERENCE["output_of"]("python", content)


@pytest.mark.parametrize("path", REFERENCE["PAGES"], ids=lambda path: path.name)
def test_examples_print_what_stands_there(path: Path) -> None:
    page = path.read_text(encoding="utf-8")
    # Confidences may differ in their last digit on another processor.
    made = REFERENCE["with_scores"](REFERENCE["with_outputs"](page))
    now, then = (re.sub(r"\b[01]\.\d\d\b", "#.##", one) for one in (made, page))
    assert now == then, "run .venv/bin/python scripts/reference.py"


@pytest.mark.parametrize("line", sorted(COMMANDS))
def test_a_command_has_the_options_that_are_given(line: str) -> None:
    line = line.split("#")[0]
    known = [name for name in OPTIONS if f"{line} ".startswith(f"{name} ")]
    assert known or line.strip() in ("", "--help", "--version"), line
    for option in re.findall(r"(?<!\S)--[a-z-]+", line):
        assert not known or re.search(rf"[` ]{option}\b", OPTIONS[max(known, key=len)]), option


ALONE = [
    line
    for line in sorted(COMMANDS)
    if line.split()[0] in ("extract", "domains", "doctor", "install", "uninstall")
    and not re.search(OTHERS, line)
    and f"uniner-mcp {line}" not in SHOWN
]


@pytest.mark.parametrize("line", ALONE)
def test_a_command_that_needs_nothing_else_runs(line: str, tmp_path: Path) -> None:
    said = "The Supreme Court of India heard a case in 1973."
    (tmp_path / "report.txt").write_text(said, encoding="utf-8")
    (tmp_path / "report.pdf").write_bytes(pdf([said]))
    REFERENCE["output_of"]("sh", f"cd {tmp_path} && uniner-mcp {line}")


def test_configurations_start_a_server_that_is_there() -> None:
    # The JSON of formats.md is annotated text: tests/formats/test_examples.py.
    found = [json.loads(content) for page, kind, content in BLOCKS if kind == "json" and page != "formats.md"]
    assert len(found) >= 3
    for whole in found:
        ((key, servers),) = whole.items()
        entry = servers["uniner"]
        assert key in ("mcpServers", "servers") and entry["command"] == "uniner-mcp" and entry["args"][0] == "serve"


def test_the_settings_and_the_profile_of_the_documentation_are_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, profile = [content for page, kind, content in BLOCKS if (page, kind) == ("engines.md", "toml")]
    (tmp_path / "uniner.toml").write_text(settings, encoding="utf-8")
    (tmp_path / "profile.toml").write_text(profile, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert load_settings(config=tmp_path / "uniner.toml").vllm_options["tensor_parallel_size"] == 2
    assert find_profile("any", "profile.toml").name == "student"


def test_the_run_file_of_the_documentation_is_taken(tmp_path: Path) -> None:
    (content,) = [content for page, kind, content in BLOCKS if (page, kind) == ("recipe.md", "toml")]
    (tmp_path / "recipe.toml").write_text(content, encoding="utf-8")
    recipe = read_recipe(tmp_path / "recipe.toml")
    assert recipe.sample is not None and recipe.train is not None and recipe.evaluate is not None
