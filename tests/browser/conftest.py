"""A real Chromium. Debian's is used; where there is none, these tests are skipped (.ci/browser installs it)."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from processes import free_port, served

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "browser" in item.path.parts and CHROMIUM is None:
            item.add_marker(
                pytest.mark.skip(reason="Chromium is not installed: apt-get install chromium, or run .ci/browser")
            )


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """For one module: as long as Playwright lives, a loop runs in this thread, and no test could start another."""
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Any) -> Iterator[Any]:
    """A page on which anything said on the console, any dialog and any request to elsewhere fails the test."""
    context = chromium.new_context(
        viewport={"width": 900, "height": 700}, permissions=["clipboard-read", "clipboard-write"]
    )
    page = context.new_page()
    faults: list[str] = []
    page.on("console", lambda message: faults.append(f"console: {message.text}"))
    page.on("pageerror", lambda error: faults.append(f"error: {error}"))
    page.on("dialog", lambda dialog: (faults.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    page.on("request", lambda request: None if request.url.startswith(("file:", "data:", "blob:", "http://127.0.0.1"))
            else faults.append(f"request: {request.url}"))  # fmt: skip
    yield page
    context.close()
    assert faults == []


@pytest.fixture(scope="module")
def playground() -> Iterator[str]:
    """The address of a real playground."""
    port = free_port()
    command = [sys.executable, "-m", "uniner_mcp", "playground", "--no-browser", "--no-cache", "--port", str(port)]
    with served(command, port):
        yield f"http://127.0.0.1:{port}/"
