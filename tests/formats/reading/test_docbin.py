"""Files of spaCy, written by spaCy."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from formats.reading.conftest import mentions

from uniner_mcp.errors import RequestError
from uniner_mcp.formats.reading.choice import read_documents

needs_spacy = [pytest.mark.slow, pytest.mark.filterwarnings("default")]


def written(path: Path, *annotated: tuple[str, dict[str, list[tuple[int, int, str]]] | None]) -> Path:
    """Write texts with their `ents` and span groups, or without any annotation."""
    spacy: Any = pytest.importorskip("spacy")
    nlp = spacy.blank("en")
    docs: Any = spacy.tokens.DocBin()
    for text, groups in annotated:
        doc = nlp(text)
        for name, spans in (groups or {}).items():
            found = [doc.char_span(*span) for span in spans]
            if name == "ents":
                doc.ents = found
            else:
                doc.spans[name] = found
        docs.add(doc)
    docs.to_disk(path)
    return path


class TestWithSpacy:
    pytestmark = needs_spacy

    def test_ents_are_read_and_documents_without_annotation_told_apart(self, tmp_path: Path) -> None:
        text = "😀 Maria left\nLisbon."
        path = written(
            tmp_path / "a.spacy",
            (text, {"ents": [(2, 7, "PERSON"), (13, 19, "GPE")]}),
            ("none", {"ents": []}),
            ("x", None),
        )
        one, none, other = read_documents(path)
        assert one.text == text and mentions(one) == [("Maria", "PERSON"), ("Lisbon", "GPE")]
        assert (none.entities, none.asked, other.asked) == ((), None, ())

    def test_the_only_span_group_is_read_with_overlaps(self, tmp_path: Path) -> None:
        group = {"sc": [(0, 4, "protein"), (0, 13, "DNA")]}
        one, other = read_documents(written(tmp_path / "a.spacy", ("IL-2 receptor", group), ("x", {"sc": []})))
        assert mentions(one) == [("IL-2", "protein"), ("IL-2 receptor", "DNA")] and other.asked is None

    def test_several_annotations_or_other_bytes_are_refused(self, tmp_path: Path) -> None:
        both = {"ents": [(0, 3, "a")], "sc": [(0, 3, "b")]}
        with pytest.raises(RequestError, match="expected one annotation, not ents, sc"):
            read_documents(written(tmp_path / "a.spacy", ("Ada", both)))
        (tmp_path / "b.spacy").write_bytes(b"no")
        with pytest.raises(RequestError, match=r"b\.spacy cannot be read by spaCy"):
            read_documents(tmp_path / "b.spacy")


def test_without_spacy_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "spacy", None)
    (tmp_path / "a.spacy").write_bytes(b"")
    with pytest.raises(RequestError, match=r"need the `spacy` extra: run `pip install"):
        read_documents(tmp_path / "a.spacy")
