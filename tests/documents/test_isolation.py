"""Converters work in a process with limits."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from documents.making import pdf

from uniner_mcp import RequestError
from uniner_mcp.documents import isolation, reading
from uniner_mcp.documents.isolation import convert_apart

pytestmark = pytest.mark.anyio


@pytest.fixture
def pypdfium2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package in the place of the converter, for the process."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "lib"))
    (tmp_path / "lib").mkdir()
    return tmp_path / "lib" / "pypdfium2.py"


async def test_a_file_is_converted_as_in_this_process() -> None:
    content = pdf(["Ada"], [])
    assert await convert_apart(content, ".pdf", 10_000, 300) == reading.convert(content, ".pdf", 10_000)
    assert (await convert_apart(b"<p>Ada", ".HTML", 10_000, 300)).text == "Ada"
    assert (await convert_apart(b"Ada", ".txt", 10_000, 300)).text == "Ada"


async def test_what_cannot_be_read_is_said() -> None:
    with pytest.raises(RequestError, match="encrypted"):
        await convert_apart(pdf(["Ada"], password="x"), "", 10_000, 300)


async def test_a_crash_ends_only_the_process(pypdfium2: Path) -> None:
    pypdfium2.write_text("import os; os.abort()", encoding="utf-8")
    with pytest.raises(RequestError, match="cannot be converted"):
        await convert_apart(b"%PDF-", ".pdf", 10_000, 300)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not limit it")
async def test_too_much_memory_ends_only_the_process(pypdfium2: Path) -> None:
    pypdfium2.write_text(f"x = bytearray({isolation.MAX_MEMORY})", encoding="utf-8")
    with pytest.raises(RequestError, match="cannot be converted"):
        await convert_apart(b"%PDF-", ".pdf", 10_000, 300)


async def test_a_conversion_that_hangs_is_ended(pypdfium2: Path) -> None:
    pypdfium2.write_text("import time; time.sleep(3600)", encoding="utf-8")
    with pytest.raises(RequestError, match="not converted within 1 second"):
        await convert_apart(b"%PDF-", ".pdf", 10_000, 1)


async def test_modules_of_the_working_folder_are_not_imported(tmp_path: Path) -> None:
    (tmp_path / "pypdfium2.py").write_text("raise SystemExit('mine')", encoding="utf-8")
    assert Path.cwd() == tmp_path
    assert (await convert_apart(pdf(["Ada"]), ".pdf", 10_000, 300)).text == "Ada"
