"""Take the screenshots in docs/images: the page, the card in a host and the playground, each in light and dark mode.

.venv/bin/python scripts/screenshots.py        # needs Chromium
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

import uniner_mcp
from uniner_mcp import Extraction, SyncExtractor
from uniner_mcp.highlight import card

IMAGES = Path(__file__).parent.parent / "docs" / "images"
TEXT = """Marie Curie was born in Warsaw in 1867. She studied at the Sorbonne in Paris, married Pierre Curie and \
shared the 1903 Nobel Prize in Physics with him and with Henri Becquerel.

In 1911 she was alone: the Nobel Prize in Chemistry was for radium and polonium. Her daughter Irène Joliot-Curie and \
Frédéric Joliot followed her to Stockholm in 1935."""
TYPES = ["person", "city", "year", "university", "award", "chemical element"]
HOST = """<!doctype html><meta charset="utf-8"><style>
body { margin: 0; padding: 24px; font: 15px/1.5 system-ui, sans-serif; background: var(--back); color: var(--ink) }
[data-theme=light] { --back: #f7f6f3; --ink: #222 } [data-theme=dark] { --back: #1c1c1e; --ink: #eee }
.asked { margin: 0 0 12px auto; max-width: 420px; padding: 8px 14px; border-radius: 14px; background: #8883 }
iframe { width: 100%; height: 466px; border: 1px solid #8885; border-radius: 12px }
</style><p class="asked">Who and what is named in this text?</p><iframe sandbox="allow-scripts"></iframe><script>
const frame = document.querySelector("iframe"), theme = document.documentElement.dataset.theme = THEME;
const tell = (message) => frame.contentWindow.postMessage({ jsonrpc: "2.0", ...message }, "*");
addEventListener("message", ({ data }) => {
  if (data.method === "ui/initialize") tell({ id: data.id, result: { protocolVersion: "2026-01-26",
    hostInfo: { name: "host", version: "1" }, hostCapabilities: {}, hostContext: { theme } } });
  if (data.method === "ui/notifications/initialized") {
    tell({ method: "ui/notifications/tool-input", params: { arguments: CALL } });
    tell({ method: "ui/notifications/tool-result", params: { content: [], structuredContent: RESULT } });
  }
});
frame.srcdoc = CARD;
</script>"""


def main() -> None:
    """Take all screenshots."""
    IMAGES.mkdir(exist_ok=True)
    with SyncExtractor.open() as extractor:
        extraction = extractor.extract(TEXT, entity_types=TYPES)
    with sync_playwright() as driver, tempfile.TemporaryDirectory() as folder:
        chromium = shutil.which("chromium") or shutil.which("chromium-browser")
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        for scheme in ("light", "dark"):
            page = opened(browser, scheme)
            (Path(folder) / "page.html").write_text(extraction.to_html(TEXT), encoding="utf-8")
            page.goto((Path(folder) / "page.html").as_uri())
            page.locator("mark").first.hover()
            shot(page, f"page-{scheme}")
            (Path(folder) / "host.html").write_text(host(extraction, scheme), encoding="utf-8")
            page.goto((Path(folder) / "host.html").as_uri())
            page.frame_locator("iframe").locator("mark").first.wait_for()
            shot(page, f"card-{scheme}")
        playgrounds(browser)


def opened(browser: Browser, scheme: Any) -> Page:
    """Return a new browser page of the size of the screenshots."""
    return browser.new_context(viewport={"width": 900, "height": 600}, color_scheme=scheme).new_page()


def host(extraction: Extraction, scheme: str) -> str:
    """Return the page of a minimal MCP Apps host, with only what a card needs."""
    result = extraction.model_dump(mode="json", exclude_none=True)
    shown = {"THEME": scheme, "CALL": {"text": TEXT, "entity_types": TYPES}, "RESULT": result}
    page = HOST
    for name, value in (shown | {"CARD": card(uniner_mcp.__version__)}).items():
        page = page.replace(name, json.dumps(value).replace("</", "<\\/"))
    return page


def playgrounds(browser: Browser) -> None:
    """Take the screenshots of a running playground."""
    url = "http://127.0.0.1:8766/"
    command = [sys.executable, "-m", "uniner_mcp", "playground", "--no-browser", "--port", "8766"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            while process.poll() is None:
                try:
                    urllib.request.urlopen(f"{url}health").close()
                    break
                except OSError:
                    time.sleep(0.1)
            else:
                raise SystemExit("The playground did not start. Check whether port 8766 is in use.")
            for scheme in ("light", "dark"):
                page = opened(browser, scheme)
                page.goto(url)
                page.get_by_role("textbox", name="Text").fill(TEXT)
                page.get_by_label("Entity types").fill(", ".join(TYPES))
                page.get_by_role("button", name="Find entities").click()
                page.locator("mark").first.wait_for()
                shot(page, f"playground-{scheme}")
        finally:
            process.terminate()


def shot(page: Page, name: str) -> None:
    """Take one screenshot."""
    page.screenshot(path=IMAGES / f"{name}.png", full_page=True)


if __name__ == "__main__":
    main()
