"""Reading a file, in the format that its content or its name says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from uniner_mcp.documents.decoding import decode
from uniner_mcp.documents.document import Document
from uniner_mcp.documents.docx import read_docx
from uniner_mcp.documents.html import read_html
from uniner_mcp.documents.mail import read_mail
from uniner_mcp.documents.pdf import read_pdf
from uniner_mcp.errors import RequestError
from uniner_mcp.files import quoted, user_path

MAX_BYTES = 50_000_000
"""Maximum size of a file, in bytes, unless another is given."""
MAX_CHARS = 50_000_000
"""Maximum length of the text of a file, in characters."""
TEXT_SUFFIXES = frozenset({".txt", ".text", ".md", ".markdown", ".rst", ".csv", ".tsv", ".log"})
CONVERTED_SUFFIXES = frozenset({".pdf", ".docx", ".html", ".htm", ".xhtml", ".eml"})
_OTHERS = {
    ".doc": "DOCX", ".rtf": "DOCX", ".odt": "DOCX", ".pages": "PDF", ".pptx": "PDF", ".ppt": "PDF", ".odp": "PDF",
    ".xlsx": "CSV", ".xls": "CSV", ".ods": "CSV", ".epub": "HTML", ".msg": "EML", ".ps": "PDF", ".djvu": "PDF",
}  # fmt: skip
"""Formats that are not read, and the one to save them as."""


def read_document(path: str | Path, *, max_bytes: int = MAX_BYTES) -> Document:
    """Read the text of a file: plain text, Markdown, CSV, HTML, PDF, DOCX or EML (an e-mail message).

        document = read_document("report.pdf")
        extraction = await extractor.extract(document.text, entity_types=["organization"])
        for entity in extraction.entities:
            print(entity.text, document.place(entity.start))

    Plain text, Markdown and CSV are returned as they are, in UTF-8 or an encoding named by a byte order mark. PDF and
    DOCX need the extra `files`.

    Args:
        path: The file. Its format is that of its name, or PDF if its content says so; files of unknown formats are read
            as plain text.
        max_bytes: Maximum size of the file, in bytes.

    Returns:
        The text, the offset of each page (PDF), and warnings about what is in the file but not in the text, such as
            scanned pages.

    Raises:
        RequestError: If the file cannot be read or is too large, damaged, encrypted, not text, or of a format that
            needs a package that is not installed.
    """
    path = user_path(path)
    try:
        with path.open("rb") as file:
            content = file.read(max_bytes + 1)
    except OSError as error:
        raise RequestError(f"Cannot read {quoted(path)}: {error.strerror}.") from None
    try:
        return convert(content, path.suffix, max_bytes)
    except RequestError as error:
        raise RequestError(f"{quoted(path)}: {error}") from None


def convert(content: bytes, suffix: str, max_bytes: int) -> Document:
    """Return the text of a file with this content and suffix. Raises RequestError."""
    if len(content) > max_bytes:
        raise RequestError(f"The file is larger than {max_bytes / 1e6:g} MB: split it, or raise the limit.")
    if content.startswith(b"%PDF-"):
        suffix = ".pdf"
    suffix = suffix.casefold()
    if other := _OTHERS.get(suffix):
        raise RequestError(f"{suffix.removeprefix('.').upper()} files are not read: save a copy as {other}.")
    readers: dict[str, Callable[[bytes], Document]] = {
        ".pdf": lambda content: read_pdf(content, MAX_CHARS),
        ".docx": read_docx,
        ".html": read_html,
        ".htm": read_html,
        ".xhtml": read_html,
        ".eml": read_mail,
    }
    return readers.get(suffix, _read_text)(content)


def _read_text(content: bytes) -> Document:
    return Document(text=decode(content))
