"""PDF: the text of each page, by PDFium."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from importlib import import_module
from itertools import pairwise
from threading import Lock
from typing import Any

from uniner_mcp.documents.document import Document
from uniner_mcp.errors import RequestError
from uniner_mcp.installation import install_command

PAGE_END = "\n\f"
"""Between pages: a page begins on a line of its own, and passages prefer to end with a page."""
_ENCRYPTED = (4, 5)
"""FPDF_ERR_PASSWORD and FPDF_ERR_SECURITY (fpdfview.h)."""
_JOINED = re.compile(r"([\w-]*)\ufffe(\w*)")
_WORD = re.compile(r"[\w-]+")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
"""What PDFium returns for a glyph that the font does not map to a character, besides U+FFFD."""
_SHOWN = 10
"""Maximum number of page ranges that a warning lists."""
_one_at_a_time = Lock()
"""PDFium must not be called from two threads at once."""


def read_pdf(content: bytes, max_chars: int) -> Document:
    """Return the text of a PDF file with its pages. Raises RequestError."""
    try:
        pdfium: Any = import_module("pypdfium2")  # It has no types.
    except ImportError:
        raise RequestError(f"PDF files need another package: run {install_command('files')}.") from None
    with _one_at_a_time:
        try:
            file = pdfium.PdfDocument(content)
        except pdfium.PdfiumError as error:
            if getattr(error, "err_code", None) in _ENCRYPTED:
                raise RequestError("The PDF file is encrypted: save a copy without a password.") from None
            raise RequestError("The file is not a valid PDF file, or it is damaged.") from None
        try:
            texts = list(_texts(file, pdfium.PdfiumError, max_chars))
            has_form: bool = file.get_formtype() != 0
        finally:
            file.close()
    return _document(texts, has_form)


def _texts(file: Any, damage: type[Exception], max_chars: int) -> Iterator[str | None]:
    """Yield the text of each page; None if a page is damaged."""
    chars = 0
    for number in range(len(file)):
        try:
            page = file[number]
            textpage = page.get_textpage()
            text = _CONTROL.sub("\ufffd", textpage.get_text_range().replace("\r\n", "\n"))
            textpage.close()
            page.close()
        except damage:
            yield None
            continue
        chars += len(text)
        if chars > max_chars:
            raise RequestError(f"The file has more than {max_chars:,} characters of text: split it.")
        yield text


def _document(texts: Sequence[str | None], has_form: bool) -> Document:
    whole = _whole_words(PAGE_END.join(text or "" for text in texts))
    pages = [0, *(end.end() for end in re.finditer(PAGE_END, whole))]
    warnings: list[str] = []
    if damaged := [number for number, text in enumerate(texts, 1) if text is None]:
        warnings.append(f"{_pages(damaged)} damaged and not read.")
    blank = [number for number, text in enumerate(texts, 1) if text is not None and not text.strip()]
    if blank:
        warnings.append(
            f"{_pages(blank)} without text, perhaps scanned: an OCR program such as ocrmypdf can add the text."
        )
    if unknown := whole.count("\ufffd"):
        warnings.append(f"{unknown} characters could not be decoded: a font of the file does not say what they are.")
    if has_form:
        warnings.append("The file has a form, and what was filled in is not read: print the file to a new PDF file.")
    return Document(text=whole, pages=pages, warnings=warnings)


def _whole_words(text: str) -> str:
    """Join words that are divided at the end of a line.

    PDFium puts U+FFFE in place of the hyphen and the line end. The hyphen stays before capitals and digits
    (Baden-Baden, COVID-19), and if the text has the word with a hyphen, but not without one, elsewhere.
    """
    if "\ufffe" not in text:
        return text
    words = set(_WORD.findall(text))

    def joined(part: re.Match[str]) -> str:
        one, two = part[1] + part[2], f"{part[1]}-{part[2]}"
        if not part[2][:1].islower():
            return two
        return two if two in words and one not in words else one

    return _JOINED.sub(joined, text)


def _pages(numbers: Sequence[int]) -> str:
    """Return page numbers as the beginning of a sentence: "Pages 1-3, 7 are"."""
    starts = [number for before, number in pairwise([-1, *numbers]) if number != before + 1]
    ends = [number for number, after in pairwise([*numbers, -1]) if after != number + 1]
    ranges = [f"{start}-{end}" if start != end else f"{start}" for start, end in zip(starts, ends, strict=True)]
    named = ", ".join(ranges[:_SHOWN]) + (f" and {len(ranges) - _SHOWN} more ranges" if len(ranges) > _SHOWN else "")
    return f"Page {named} is" if len(numbers) == 1 else f"Pages {named} are"
