"""Files of every format, made with other tools, as text with lines and pages."""

from __future__ import annotations

import io
import sys
import threading
import zipfile
from pathlib import Path

import pytest
from documents.making import mail, pdf, word

from uniner_mcp import Document, RequestError, read_document
from uniner_mcp.documents import docx
from uniner_mcp.documents import pdf as pdf_module
from uniner_mcp.documents.reading import convert


def written(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def text_of(name: str, content: bytes) -> str:
    return convert(content, Path(name).suffix, 10_000_000).text


def warnings_of(name: str, content: bytes) -> str:
    return " ".join(convert(content, Path(name).suffix, 10_000_000).warnings)


@pytest.mark.parametrize("name", ["a.txt", "a.md", "a.csv", "a.unknown", "a"])
def test_plain_text_stays_as_it_is(tmp_path: Path, name: str) -> None:
    text = 'name,city\r\n"Ada, ""A""",Rome\r\rü 🙂\n'
    document = read_document(written(tmp_path, name, text.encode()))
    assert document == Document(text=text)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_names_the_encoding_and_is_no_text(tmp_path: Path, encoding: str) -> None:
    assert read_document(written(tmp_path, "a.txt", "Müller".encode(encoding))).text == "Müller"


def test_big_endian_text_is_read() -> None:
    assert text_of("a.txt", b"\xfe\xff" + "Ada".encode("utf-16-be")) == "Ada"
    assert text_of("a.txt", b"\0\0\xfe\xff" + "Ada".encode("utf-32-be")) == "Ada"


def test_lines_and_pages_count_from_one_and_are_those_of_the_first_character(tmp_path: Path) -> None:
    document = read_document(written(tmp_path, "a.pdf", pdf(["Ada", "Bob"], ["Carol"])))
    assert document.text == "Ada\nBob\n\fCarol"
    places = {name: document.place(document.text.index(name)) for name in ("Ada", "Bob", "Carol")}
    assert places == {"Ada": (1, 1), "Bob": (2, 1), "Carol": (3, 2)}
    plain = Document(text="Ada\r\nBob")
    assert plain.place(4) == (1, None) and plain.place(5) == (2, None)


def test_a_pdf_file_is_known_by_its_content(tmp_path: Path) -> None:
    assert read_document(written(tmp_path, "report.bin", pdf(["Ada"]))).text == "Ada"


def test_words_divided_at_line_ends_are_joined() -> None:
    lines = ["a Rolls-", "Royce, COVID-", "19, Micro-", "soft, a well-", "known one, well-known, in 1990-", "1995"]
    expected = "a Rolls-Royce, COVID-19, Microsoft, a well-known one, well-known, in 1990-\n1995"
    assert text_of("a.pdf", pdf(lines)) == expected


def test_pages_without_text_are_named() -> None:
    found = convert(pdf(["Ada"], [], [], ["Bob"], []), ".pdf", 10_000_000)
    assert found.warnings == [
        "Pages 2-3, 5 are without text, perhaps scanned: an OCR program such as ocrmypdf can add the text."
    ]
    assert len(found.pages) == 5 and found.place(found.text.index("Bob")).page == 4
    assert "Page 1 is without text" in warnings_of("a.pdf", pdf([]))


def test_of_many_ranges_of_pages_the_first_are_named() -> None:
    pages = [[], ["x"]] * 12
    assert "19 and 2 more ranges are without text" in warnings_of("a.pdf", pdf(*pages))


def test_a_form_in_a_pdf_file_is_mentioned() -> None:
    assert "form" in warnings_of("a.pdf", pdf(["Name:"], form=True))


def test_glyphs_without_a_character_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    document = pdf_module._document(["\ufffd1999\ufffd"], has_form=False)
    assert document.warnings[0].startswith("2 characters could not be decoded")


def test_a_damaged_page_does_not_lose_the_others() -> None:
    content = pdf(["Ada"], ["Bob"])
    # The second page of the tree is no page.
    assert content.count(b"/Type /Page\n") == 2
    first, _, last = content.rpartition(b"/Type /Page\n")
    found = convert(first + b"/Type /Pagx\n" + last, ".pdf", 10_000_000)
    assert found.text.startswith("Ada") and "Page 2 is damaged" in found.warnings[0]


def test_several_threads_read_pdf_files() -> None:
    content = pdf(*[["Ada met Bob."] * 40] * 5)
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(text_of("a.pdf", content).count("Bob"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [200] * 4


def test_a_word_file_is_read_with_changes_boxes_lists_and_tables() -> None:
    text = text_of("a.docx", word())
    assert text == "Minutes\n\nAda met Bob. Added.\n\nIn a box.\n\nFirst\nName | City\nAda | Rome"


def test_headers_that_are_not_read_are_mentioned() -> None:
    assert warnings_of("a.docx", word()) == ""
    assert warnings_of("a.docx", word(header="Acme")) == "Headers and footers of the pages are not read."


def test_mail_is_its_headers_and_its_text() -> None:
    assert text_of("a.eml", mail("Dear Bob,\r\nyours", "<p>Dear <b>Bob</b>,</p>")) == (
        "From: Ada Lovelace <ada@example.org>\nTo: Jürgen <j@example.org>\nSubject: The Analytical Engine\n\n"
        "Dear Bob,\nyours\n"
    )
    assert text_of("a.eml", mail(html="<p>Dear <b>Bob</b></p>")).endswith("\n\nDear Bob")


def test_attachments_and_strange_characters_of_mail_are_mentioned() -> None:
    assert "1 attachment(s) are not read: plan.pdf" in warnings_of("a.eml", mail("Hi", attachment="plan.pdf"))
    strange = b"Subject: x\nContent-Type: text/plain; charset=ascii\n\nM\xfcller\n"
    assert "could not be decoded" in warnings_of("a.eml", strange)
    assert text_of("a.eml", b"Subject: only this\nContent-Type: image/png\n\nx").startswith("Subject: only this")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.txt", "Müller".encode("latin-1"), "not valid UTF-8: convert it"),
        ("a.txt", b"\xff\xfeA", "not valid UTF-16-LE"),
        ("a.txt", b"A\0B", "not text"),
        ("a.pdf", b"%PDF-1.4 no", "not a valid PDF file"),
        ("a.pdf", pdf(["Ada"])[:300], "damaged"),
        ("a.pdf", pdf(["Ada"], password="x"), "encrypted"),
        ("a.docx", b"PK no", "not a valid DOCX file"),
        ("a.docx", word()[:900], "damaged"),
        ("a.docx", b"\xd0\xcf\x11\xe0 no", "encrypted"),
        ("a.eml", b"no message", "not an e-mail message"),
        ("a.eml", b"Subject: x\nContent-Type: text/plain; charset=none-such\n\nx", "encoding that does not exist"),
        ("a.doc", b"x", "save a copy as DOCX"),
        ("a.XLSX", b"x", "save a copy as CSV"),
        ("a.html", b"<p>M\xfcller", "not valid UTF-8"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_an_error_that_names_the_file(
    tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    with pytest.raises(RequestError, match=said) as raised:
        read_document(written(tmp_path, name, content))
    assert name in str(raised.value)


def test_a_file_that_is_missing_or_too_large_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"Cannot read .*none\.txt: No such file"):
        read_document(tmp_path / "none.txt")
    with pytest.raises(RequestError, match="larger than 1e-05 MB"):
        read_document(written(tmp_path, "a.txt", b"x" * 11), max_bytes=10)
    assert read_document(written(tmp_path, "a.txt", b"x" * 10), max_bytes=10).text == "x" * 10


def test_text_that_is_too_long_is_an_error() -> None:
    with pytest.raises(RequestError, match="more than 5 characters"):
        pdf_module.read_pdf(pdf(["Ada"], ["Carol"]), 5)


def test_a_word_file_that_unpacks_to_too_much_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docx, "MAX_UNPACKED", 1000)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", b" " * 1001)
    with pytest.raises(RequestError, match="more than 1,000 bytes"):
        convert(packed.getvalue(), ".docx", 10_000)


@pytest.mark.parametrize(("name", "package"), [("a.pdf", "pypdfium2"), ("a.docx", "mammoth")])
def test_without_the_extra_the_command_that_installs_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(RequestError, match=r"pip install .*\[files\]"):
        read_document(written(tmp_path, name, b"x"))


def test_nothing_heavy_is_imported_before_it_is_needed() -> None:
    import subprocess

    code = "import sys, uniner_mcp; print({'pypdfium2', 'mammoth', 'html.parser', 'email.parser'} & sys.modules.keys())"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pypdfium2" not in ran.stdout and "mammoth" not in ran.stdout
