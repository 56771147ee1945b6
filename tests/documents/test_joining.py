from __future__ import annotations

import pytest

from uniner_mcp import Document, RequestError
from uniner_mcp.documents.joining import join


def test_offsets_in_the_joint_text_lead_to_the_file_its_line_and_its_page() -> None:
    joined = join(["a", "b", "c"], [Document(text="Ada\nBob"), Document(text=""), Document(text="Carol", pages=[0])])
    assert {name: joined.place(joined.text.index(name)) for name in ("Ada", "Bob", "Carol")} == {
        "Ada": ("a", (1, None)), "Bob": ("a", (2, None)), "Carol": ("c", (1, 1)),
    }  # fmt: skip
    for start, document in zip(joined.starts, joined.documents, strict=True):
        assert joined.text[start : start + len(document.text)] == document.text


def test_one_document_is_its_own_text() -> None:
    assert join(["a"], [Document(text="Ada\n")]).text == "Ada\n"


def test_documents_without_text_are_an_error_with_the_reasons() -> None:
    with pytest.raises(RequestError, match=r"There is no text in the file\. Page 1 is scanned\."):
        join(["a"], [Document(text=" \n\f", warnings=["Page 1 is scanned."])])
