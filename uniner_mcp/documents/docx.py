"""DOCX: paragraphs, lists, tables, notes, comments and text boxes in reading order, by mammoth."""

from __future__ import annotations

import io
import re
import zipfile
from importlib import import_module
from typing import Any

from uniner_mcp.documents.document import Document
from uniner_mcp.documents.html import html_text
from uniner_mcp.errors import RequestError
from uniner_mcp.installation import install_command

MAX_UNPACKED = 200_000_000
"""Maximum size of the XML in the archive, in bytes, as it declares it; `zipfile` unpacks no more than is declared."""
_MARGINS = re.compile(r"word/(?:header|footer)\d*\.xml")
_TEXT = re.compile(rb"<w:t[ >][^<]*\S[^<]*</w:t>")
_OLE = b"\xd0\xcf\x11\xe0"
_COMMENTS = "comment-reference => sup"
"""A rule without which mammoth leaves comments out."""


def _no_image(_: object) -> list[object]:
    return []


def read_docx(content: bytes) -> Document:
    """Return the text of a Word file. Raises RequestError."""
    try:
        mammoth: Any = import_module("mammoth")  # It has no types.
    except ImportError:
        raise RequestError(f"DOCX files need another package: run {install_command('files')}.") from None
    if content.startswith(_OLE):
        raise RequestError("The DOCX file is encrypted, or an old DOC file: save a copy as DOCX without a password.")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = [part for part in archive.infolist() if part.filename.endswith((".xml", ".rels"))]
            if sum(part.file_size for part in parts) > MAX_UNPACKED:
                raise RequestError(f"The DOCX file has more than {MAX_UNPACKED:,} bytes of text and markup: split it.")
            margins = any(_MARGINS.fullmatch(part.filename) and _TEXT.search(archive.read(part)) for part in parts)
        converted = mammoth.convert_to_html(io.BytesIO(content), convert_image=_no_image, style_map=_COMMENTS)
    except RequestError:
        raise
    except Exception as error:  # Whatever a damaged archive or its XML makes of the parsers.
        raise RequestError(f"The file is not a valid DOCX file, or it is damaged ({type(error).__name__}).") from None
    warnings = ["Headers and footers of the pages are not read."] if margins else []
    return Document(text=html_text(converted.value), warnings=warnings)
