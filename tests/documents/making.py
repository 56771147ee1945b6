"""Files in every format, made with other tools than those that read them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from email.message import EmailMessage

import docx
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls
from PIL import Image
from reportlab.pdfgen.canvas import Canvas


def pdf(*pages: Sequence[str], password: str | None = None, form: bool = False) -> bytes:
    """A PDF file with these lines on its pages."""
    written = io.BytesIO()
    canvas = Canvas(written, encrypt=password)
    for lines in pages:
        for number, line in enumerate(lines):
            canvas.drawString(72, 800 - 14 * number, line)
        if form:
            canvas.acroForm.textfield(name="who", value="Ada", x=72, y=100)
        canvas.showPage()
    canvas.save()
    return written.getvalue()


def word(*, header: str = "") -> bytes:
    """A Word file with a heading, a tracked change, a text box, a picture, a list and a table."""
    document = docx.Document()
    document.sections[0].header.paragraphs[0].text = header
    document.add_heading("Minutes", 0)
    paragraph = document.add_paragraph("Ada met ")
    paragraph.add_run("Bo").bold = True
    paragraph.add_run("b.")
    for xml in (
        "<w:ins {0} w:id='1' w:author='x'><w:r><w:t xml:space='preserve'> Added.</w:t></w:r></w:ins>",
        "<w:del {0} w:id='2' w:author='x'><w:r><w:delText>Gone.</w:delText></w:r></w:del>",
        "<w:r {0}><w:pict><v:shape xmlns:v='urn:schemas-microsoft-com:vml'><v:textbox><w:txbxContent><w:p><w:r>"
        "<w:t>In a box.</w:t></w:r></w:p></w:txbxContent></v:textbox></v:shape></w:pict></w:r>",
    ):
        paragraph._p.append(parse_xml(xml.format(nsdecls("w"))))
    picture = io.BytesIO()
    Image.new("RGB", (1, 1)).save(picture, "PNG")
    document.add_picture(picture)
    document.add_paragraph("First", style="List Bullet")
    table = document.add_table(2, 2)
    for row, cells in zip(table.rows, (("Name", "City"), ("Ada", "Rome")), strict=True):
        for cell, text in zip(row.cells, cells, strict=True):
            cell.text = text
    written = io.BytesIO()
    document.save(written)
    return written.getvalue()


def mail(text: str = "", html: str = "", attachment: str = "") -> bytes:
    """An e-mail message."""
    message = EmailMessage()
    message["From"] = "Ada Lovelace <ada@example.org>"
    message["To"] = "Jürgen <j@example.org>"
    message["Subject"] = "The Analytical\n Engine".replace("\n", "")
    if text:
        message.set_content(text)
    if html and text:
        message.add_alternative(html, subtype="html")
    elif html:
        message.set_content(html, subtype="html")
    if attachment:
        message.add_attachment(b"x", maintype="application", subtype="pdf", filename=attachment)
    return message.as_bytes()
