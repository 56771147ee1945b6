"""EML: who wrote what to whom, and the text of a message."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import MIMEPart

from uniner_mcp.documents.document import Document
from uniner_mcp.documents.html import html_text
from uniner_mcp.errors import RequestError

_HEADERS = ("From", "To", "Cc", "Date", "Subject")


def read_mail(content: bytes) -> Document:
    """Return the headers of a message that people read, and its text (RFC 5322). Raises RequestError."""
    message = message_from_bytes(content, policy=policy.default)
    headers = [f"{name}: {_line(value)}" for name in _HEADERS for value in message.get_all(name, [])]
    if not headers:
        raise RequestError("The file is not an e-mail message: it has no From, To or Subject.")
    body = message.get_body(("plain", "html"))
    text = "" if body is None else _text(body)
    warnings: list[str] = []
    if attached := [part.get_filename() or part.get_content_type() for part in message.iter_attachments()]:
        warnings.append(f"{len(attached)} attachment(s) are not read: {', '.join(map(_line, attached))}.")
    if "\ufffd" in text:
        warnings.append("Some characters could not be decoded with the encoding that the message names.")
    return Document(text="\n".join([*headers, "", text]), warnings=warnings)


def _text(body: MIMEPart) -> str:
    try:
        text: str = body.get_content()
    except LookupError:
        raise RequestError("The message names an encoding that does not exist.") from None
    text = text.replace("\r\n", "\n")
    return html_text(text) if body.get_content_subtype() == "html" else text


def _line(value: object) -> str:
    return " ".join(str(value).split())
