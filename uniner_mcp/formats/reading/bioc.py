"""BioC in XML and JSON: documents of passages or sentences, offsets counted from the beginning of the document.

Source: the DTD of bioc.sourceforge.net. The unit of offsets is not defined: code points unless said otherwise. The gap
between two passages is filled with line ends, so that offsets hold.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import cast
from xml.etree import ElementTree

import orjson
from pydantic import Field

from uniner_mcp.formats.documents import Document
from uniner_mcp.formats.reading.files import Misfit, beginning, content, misread, suffix_of
from uniner_mcp.formats.reading.mentions import Mentions
from uniner_mcp.formats.reading.options import OffsetUnit, Options
from uniner_mcp.formats.reading.rows import Strict, fitted


class _Location(Strict):
    offset: int
    length: int


class _Infons(Strict):
    type: str


class _Annotation(Strict):
    infons: _Infons
    text: str | None = None
    locations: list[_Location] = Field(min_length=1)


class _Sentence(Strict):
    offset: int
    text: str | None = None
    annotations: list[_Annotation] = Field(default_factory=list[_Annotation])


class _Passage(_Sentence):
    sentences: list[_Sentence] = Field(default_factory=list[_Sentence])


class _Document(Strict):
    id: str | int
    passages: list[_Passage]
    annotations: list[_Annotation] = Field(default_factory=list[_Annotation])


def is_bioc(path: Path) -> bool:
    """Whether a JSON file is an object with `documents`, which BioC has at its top."""
    head = beginning(path).lstrip(b"\xef\xbb\xbf \t\r\n")
    return suffix_of(path) == ".json" and head.startswith(b"{") and b'"documents"' in head


def read_bioc(path: Path, options: Options) -> Iterator[Document]:
    """Yield the documents of a collection in `.xml` or `.json`. Raises RequestError, with file and document."""
    for number, written in enumerate(_xml(path) if suffix_of(path) == ".xml" else _json(path), start=1):
        try:
            document = fitted(_Document, written)
            yield _read(document, options.offsets)
        except Misfit as error:
            raise misread(path, f"document {number}", error) from None


def _read(document: _Document, unit: OffsetUnit) -> Document:
    texts: list[tuple[int, str]] = []
    found = list(document.annotations)
    for passage in document.passages:
        found += passage.annotations
        for one in passage.sentences:
            found += one.annotations
        parts = [passage] if passage.text is not None else passage.sentences
        texts += [(part.offset, part.text) for part in parts if part.text is not None]
    mentions = Mentions(_joined(texts, unit), unit)
    for one in found:
        places = [(place.offset, place.offset + place.length) for place in one.locations]
        mentions.add(one.infons.type, *places, said=one.text)
    return mentions.document(str(document.id))


def _joined(texts: list[tuple[int, str]], unit: OffsetUnit) -> str:
    whole, length = "", 0
    for offset, text in texts:
        if offset < length:
            raise Misfit(f"a passage begins at {offset}, but the one before it ends at {length}.")
        whole += "\n" * (offset - length) + text
        length = offset + (len(text) if unit == "code-points" else len(text.encode("utf-16-le")) // 2)
    return whole


def _json(path: Path) -> list[object]:
    try:
        return cast("list[object]", orjson.loads(content(path))["documents"])
    except orjson.JSONDecodeError as error:
        raise misread(path, f"line {error.lineno}", f"not valid JSON: {error.msg}.") from None


def _xml(path: Path) -> list[object]:
    try:
        root = ElementTree.fromstring(content(path))
    except ElementTree.ParseError as error:
        raise misread(path, f"line {error.position[0]}", "not valid XML.") from None
    if root.tag != "collection":
        raise misread(path, "line 1", "expected BioC, which begins with <collection>.")
    return [_node(document) for document in root.findall("document")]


def _node(element: ElementTree.Element) -> dict[str, object]:
    """Return an element as an object in the form of BioC JSON."""
    node: dict[str, object] = {
        name: element.findtext(name) for name in ("id", "text") if element.find(name) is not None
    }
    offset = element.findtext("offset")
    if offset is not None:
        node["offset"] = _whole(offset)
    for name in ("passage", "sentence", "annotation"):
        node[f"{name}s"] = [_node(child) for child in element.findall(name)]
    node["locations"] = [
        {key: _whole(value) for key, value in one.attrib.items()} for one in element.findall("location")
    ]
    node["infons"] = {one.attrib.get("key", ""): one.text or "" for one in element.findall("infon")}
    return node


def _whole(written: str) -> object:
    """Return a whole number, or else what is written, which the model then refuses."""
    return int(written) if written.strip().isdecimal() else written
