"""How much of the text of real HTML pages converters find in the pages themselves, in PDF and in DOCX, and how fast.

python benchmarks/converters.py PAGE.html...

Chromium says what the text is (`innerText`) and prints the PDF files; pandoc, if there is one, writes the DOCX files.
Measured are pairs of neighbouring words: those of the text that were found, and those found that are in the text.
Converters that are not installed are left out.
"""

from __future__ import annotations

import collections
import itertools
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from uniner_mcp import read_document


def main() -> None:
    pages = [Path(name).resolve() for name in sys.argv[1:]]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        truths = printed(pages, folder)
        for suffix, converters in CONVERTERS.items():
            if suffix == ".docx" and shutil.which("pandoc") is None:
                continue
            for title, convert in converters.items():
                measure(suffix, title, convert, [(folder / f"{n}{suffix}", truth) for n, truth in enumerate(truths)])


def printed(pages: list[Path], folder: Path) -> list[str]:
    """Write each page to the folder in every format, and return their texts."""
    truths: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page()
        for number, path in enumerate(pages):
            page.goto(path.as_uri())
            truths.append(page.evaluate("document.body.innerText"))
            page.pdf(path=str(folder / f"{number}.pdf"))
            shutil.copy(path, folder / f"{number}.html")
            if shutil.which("pandoc"):
                subprocess.run(
                    ["pandoc", "-f", "html", path, "-o", folder / f"{number}.docx"], stderr=subprocess.DEVNULL
                )
        browser.close()
    return truths


def measure(suffix: str, title: str, convert: Callable[[str], str], files: list[tuple[Path, str]]) -> None:
    try:
        convert(str(files[0][0]))
    except ImportError:
        return
    begun = time.perf_counter()
    texts = [convert(str(path)) for path, _ in files]
    took = time.perf_counter() - begun
    found = [(pairs(truth), pairs(text)) for (_, truth), text in zip(files, texts, strict=True)]
    both = sum((truth & text).total() for truth, text in found)
    of_truth = sum(truth.total() for truth, _ in found)
    of_found = sum(text.total() for _, text in found)
    print(
        f"{suffix:<5} {title:<14} found {both / of_truth:.3f}, right {both / of_found:.3f}, {took:6.2f} s", flush=True
    )


def pairs(text: str) -> collections.Counter[tuple[str, str]]:
    words = re.findall(r"\w+", text.replace("\ufffe", "").replace("\xad", ""))
    return collections.Counter(itertools.pairwise(words))


def uniner(path: str) -> str:
    return read_document(path).text


def pypdf(path: str) -> str:
    module: Any = import_module("pypdf")
    return "\n".join(page.extract_text() for page in module.PdfReader(path).pages)


def pdfminer(path: str) -> str:
    module: Any = import_module("pdfminer.high_level")
    return module.extract_text(path)


def kreuzberg(path: str) -> str:
    module: Any = import_module("kreuzberg")
    return module.extract_file_sync(path).content


def markitdown(path: str) -> str:
    module: Any = import_module("markitdown")
    return module.MarkItDown().convert(path).text_content


def inscriptis(path: str) -> str:
    module: Any = import_module("inscriptis")
    return module.get_text(Path(path).read_text(encoding="utf-8"))


def python_docx(path: str) -> str:
    module: Any = import_module("docx")
    return "\n".join(paragraph.text for paragraph in module.Document(path).paragraphs)


CONVERTERS: dict[str, dict[str, Callable[[str], str]]] = {
    ".pdf": {"read_document": uniner, "kreuzberg": kreuzberg, "pypdf": pypdf, "pdfminer.six": pdfminer},
    ".html": {"read_document": uniner, "inscriptis": inscriptis, "kreuzberg": kreuzberg, "markitdown": markitdown},
    ".docx": {"read_document": uniner, "python-docx": python_docx, "kreuzberg": kreuzberg, "markitdown": markitdown},
}

if __name__ == "__main__":
    main()
