"""From bytes to text: an encoding is known by its byte order mark, or it is UTF-8."""

from __future__ import annotations

import codecs

from uniner_mcp.errors import RequestError

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    # UTF-32 before UTF-16, whose little-endian mark begins like its own.
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def decode(content: bytes) -> str:
    """Return the text without its byte order mark, line ends as they are. Raises RequestError."""
    mark, encoding = marked(content) or (b"", "utf-8")
    try:
        text = content[len(mark) :].decode(encoding)
    except UnicodeDecodeError:
        raise RequestError(
            f"The text is not valid {encoding.upper()}: convert it first, for example with iconv -t utf-8."
        ) from None
    if "\0" in text:
        raise RequestError("The file contains null characters, so it is not text.")
    return text


def marked(content: bytes) -> tuple[bytes, str] | None:
    """Return the byte order mark at the start of the content and the encoding that it stands for, or None."""
    return next(((mark, encoding) for mark, encoding in _MARKS if content.startswith(mark)), None)
