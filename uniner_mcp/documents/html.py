"""HTML as a reader sees it: what `innerText` is in a browser, and the title."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Literal

from uniner_mcp.documents.decoding import decode, marked
from uniner_mcp.documents.document import Document

CELL = " | "
"""Between the cells of a table. A browser puts a tab there; the shipped model reads lines with bars better."""
_LINES = frozenset(
    ("address", "article", "aside", "body", "blockquote", "caption", "center", "dd", "details", "dialog", "dir", "div",
     "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header",
     "hgroup", "hr", "html", "legend", "li", "main", "menu", "nav", "ol", "option", "optgroup", "p", "pre", "search",
     "section", "select", "summary", "table", "tbody", "tfoot", "thead", "tr", "ul", "textarea", "title")
)  # fmt: skip
"""Elements that begin on a line of their own."""
_PARAGRAPHS = frozenset(("h1", "h2", "h3", "h4", "h5", "h6", "p", "title"))
"""Those with a blank line around them."""
_UNSEEN = frozenset(("script", "style", "template"))
_KEPT = frozenset(("pre", "textarea", "listing"))
"""Elements whose spaces are kept."""
_SPACE = re.compile(r"[ \t\n\r\f]+")
_CHARSET = re.compile(rb"""<meta[^>]{1,200}?charset\s*=\s*["']?\s*([\w:.-]+)""", re.IGNORECASE)
_MEANT = {
    "iso-8859-1": "cp1252", "latin1": "cp1252", "us-ascii": "cp1252", "ascii": "cp1252",
    "utf-16": "utf-8", "utf-16le": "utf-8", "utf-16be": "utf-8",
}  # fmt: skip
"""What a page means by a label (Encoding standard, 4.2; HTML standard, 13.2.3.2)."""
_HEAD = 1024
"""Number of bytes in which an encoding must be declared (HTML standard, 4.2.5.4)."""


def read_html(content: bytes) -> Document:
    """Return the text of a page. Raises RequestError."""
    declared = None if marked(content) else _CHARSET.search(content, 0, _HEAD)
    label = declared[1].decode().lower() if declared is not None else "utf-8"
    try:
        page = content.decode(_MEANT.get(label, label))
    except (LookupError, UnicodeDecodeError):
        page = decode(content)
    return Document(text=html_text(page.removeprefix("\ufeff")))


def html_text(page: str) -> str:
    """Return the text of HTML: blocks on lines of their own, spaces collapsed, no scripts and styles.

    Source: the algorithm of `innerText` (HTML standard, 3.2.7), without styles; cells of tables are divided by `CELL`.
    """
    reader = _Reader()
    reader.feed(page)
    reader.close()
    return "".join(reader.parts)


class _Reader(HTMLParser):
    """Collects text.

    breaks: number of line ends that are due before the next text; space, cell: whether a space or `CELL` is.
    row: whether a row of a table is open, and whether it has text yet. unseen: the open element whose text is not
    shown. kept: how many open elements keep their spaces.
    """

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self.breaks = 0
        self.space = self.cell = False
        self.row: Literal["none", "empty", "begun"] = "none"
        self.unseen: str | None = None
        self.kept = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin an element."""
        if tag in _UNSEEN:
            self.unseen = self.unseen or tag
        elif tag == "br":
            self._put("\n")
        elif tag in ("td", "th"):
            self.cell = self.row == "begun"
        else:
            self.kept += tag in _KEPT
            self._divide(tag)
            if tag == "tr":
                self.row = "empty"

    def handle_endtag(self, tag: str) -> None:
        """End an element."""
        if tag == self.unseen:
            self.unseen = None
        elif tag in _KEPT:
            self.kept = max(0, self.kept - 1)
        self._divide(tag)
        if tag in ("tr", "table"):
            self.row, self.cell = "none", False

    def handle_data(self, data: str) -> None:
        """Take the text of an element, or a part of it."""
        if self.unseen is not None:
            return
        if self.kept:
            self._put(data)
            return
        words = _SPACE.sub(" ", data)
        self.space |= words.startswith(" ")
        if seen := words.strip(" "):
            self._put(seen)
            self.space = words.endswith(" ")

    def _divide(self, tag: str) -> None:
        if tag in _LINES:
            # A row of a table stays together.
            self.breaks = max(self.breaks, 2 if tag in _PARAGRAPHS and self.row == "none" else 1)
            self.space = False

    def _put(self, text: str) -> None:
        if self.parts:
            if self.cell:
                self.parts.append(CELL)
            elif self.breaks:
                self.parts.append("\n" * self.breaks)
            elif self.space and text != "\n" and not self.parts[-1].endswith("\n"):
                self.parts.append(" ")
        self.parts.append(text)
        self.breaks, self.space, self.cell = 0, False, False
        if self.row == "empty":
            self.row = "begun"
