"""Kill -9 of a real model server in the middle of a request of 200 questions."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from clock import LIMIT, Clock
from engines.policies import write_policy
from engines.teacher_server import teacher_server
from processes import free_port, served

from uniner_mcp import Extraction, Extractor, Settings

pytest.importorskip("xllamacpp", reason="xllamacpp has no wheel for this platform")
pytestmark = pytest.mark.anyio
TESTS = Path(__file__).parent.parent
DAYS = 40
TEXT = "\n\n".join(f"On {day} May 2021 Tom Reed left Paris." for day in range(1, DAYS + 1))
TYPES = ["person", "location", "organization", "gene", "law"]
RIGHT = {("Tom Reed", "person"), ("Paris", "location")}
PROFILE = """
name = "one sentence"
prompt = "uniner"
special_tokens = ["<unk>", "<s>", "</s>"]
stop = ["</s>"]
context_budget = 18
max_answer_tokens = 64
"""


@pytest.fixture
def server() -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    port = free_port()
    command = [
        sys.executable,
        str(TESTS / "engines" / "llama_server.py"),
        str(TESTS / "tiny_uniner" / "tiny-uniner.gguf"),
    ]
    with served([*command, str(port)], port) as process:
        yield process, f"http://127.0.0.1:{port}/v1"


async def extract_and_kill(
    folder: Path, server: tuple[subprocess.Popen[bytes], str], fallback: str
) -> tuple[Extraction, Extraction]:
    """The extraction during which the server was killed, and the next one, which has only the cache."""
    (folder / "profile.toml").write_text(PROFILE, encoding="utf-8")
    process, url = server
    given: dict[str, Any] = {
        "engine": "llama-cpp", "base_url": url, "model": "tiny", "timeout_s": LIMIT, "fallback": fallback,
        "profile": str(folder / "profile.toml"), "ledger_path": folder / "ledger.sqlite",
    }  # fmt: skip

    async def kill(done: int, total: int) -> None:
        assert total == DAYS
        if done == DAYS // 4:
            process.kill()

    async with Extractor.open(Settings(**given)) as extractor:
        first = await extractor.extract(TEXT, TYPES, on_progress=kill)
        return first, await extractor.extract(TEXT, TYPES)


async def test_with_a_policy_the_request_completes_and_says_who_answered_what(
    tmp_path: Path, server: tuple[subprocess.Popen[bytes], str], clock: Clock
) -> None:
    async with teacher_server().running() as teacher:
        extraction, again = await extract_and_kill(
            tmp_path, server, write_policy(tmp_path, "on-failure", teacher, timeout_s=100 * LIMIT)
        )
    by = {one.engine: one.questions for one in extraction.answered_by}
    assert extraction.unanswered == [] and sum(by.values()) == DAYS * len(TYPES)
    assert by["llama-cpp"] >= DAYS // 4 * len(TYPES) and by["teacher"] > 0
    assert {(entity.text, entity.type) for entity in extraction.entities} >= RIGHT
    assert sum(entity.type == "person" and entity.text == "Tom Reed" for entity in extraction.entities) > DAYS * 0.8
    assert all(TEXT[entity.start : entity.end] == entity.text for entity in extraction.entities)
    assert {one.engine: one.cached for one in again.answered_by} == by and again.entities == extraction.entities


async def test_without_a_policy_the_rest_is_listed_and_what_was_answered_is_kept(
    tmp_path: Path, server: tuple[subprocess.Popen[bytes], str], clock: Clock
) -> None:
    extraction, again = await extract_and_kill(tmp_path, server, "none")
    (by,) = extraction.answered_by
    assert by.engine == "llama-cpp" and DAYS // 4 * len(TYPES) <= by.questions < DAYS * len(TYPES)
    assert {missing.type for missing in extraction.unanswered} == set(TYPES)
    assert all(
        "cannot be reached" in one.reason and f"of {DAYS} passages" in one.reason for one in extraction.unanswered
    )
    assert again.answered_by[0].cached == by.questions and again.entities == extraction.entities
