"""Which format a file has, by what it contains, and its documents."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from uniner_mcp.errors import RequestError
from uniner_mcp.formats.documents import Document
from uniner_mcp.formats.reading import bioc, brat, conll, docbin, pubtator, reference
from uniner_mcp.formats.reading.annotators import ByAnnotator, one_each
from uniner_mcp.formats.reading.entities import read_doccano, read_entities
from uniner_mcp.formats.reading.files import Misfit, lines_of, misread, suffix_of
from uniner_mcp.formats.reading.label_studio import labelled_keys, read_flat, read_task
from uniner_mcp.formats.reading.options import DEFAULT, Options
from uniner_mcp.formats.reading.prodigy import read_prodigy
from uniner_mcp.formats.reading.rows import Row, read_rows
from uniner_mcp.formats.reading.tokens import TAGS, class_labels, read_gliner, read_tokens

_JSON = (".jsonl.gz", ".jsonl", ".json.gz", ".json")
SUFFIXES = (*_JSON, ".spacy", ".xml", ".pubtator", *conll.SUFFIXES)
"""Of files of a split, in the order in which they are preferred."""


@dataclass(frozen=True, slots=True)
class Form:
    """A form of rows. has: whether a row is in it, by its keys; in_words: whether types are written in plain words."""

    name: str
    has: Callable[[Row], bool]
    read: Callable[[Row, int, Options], Document | ByAnnotator]
    in_words: bool = False


FORMS = (
    Form("gliner", lambda row: "tokenized_text" in row, read_gliner, in_words=True),
    Form("label-studio", lambda row: "data" in row and "annotations" in row, read_task),
    Form("label-studio-min", lambda row: "annotation_id" in row or bool(labelled_keys(row)), read_flat),
    Form("prodigy", lambda row: "text" in row and ("spans" in row or "_input_hash" in row), read_prodigy),
    Form("tokens", lambda row: "tokens" in row and any(name in row for name in TAGS), read_tokens),
    Form("jsonl", lambda row: "entities" in row, read_entities, in_words=True),
    Form("doccano", lambda row: "label" in row or "labels" in row, read_doccano),
)
"""In the order in which they are recognised."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A file that was read. form: the name of its format; offsets: whether it says where the mentions are."""

    documents: list[Document]
    form: str
    in_words: bool = False
    offsets: bool = True


def read_documents(path: Path, options: Options = DEFAULT) -> list[Document]:
    """Return the documents of a file, or of a folder in brat's format. Raises RequestError, or OSError."""
    return read(path, options).documents


def read(path: Path, options: Options = DEFAULT) -> Reading:
    """Read a file in the format that it has. Raises RequestError, with file and line, or OSError if there is none."""
    if path.is_dir():
        return Reading(list(brat.read_brat(path, options)), "brat")
    suffix = suffix_of(path)
    if suffix == ".spacy":
        return Reading(list(docbin.read_docbin(path, options)), "spacy")
    if suffix == ".xml":
        return Reading(list(bioc.read_bioc(path, options)), "bioc")
    if suffix in (".json", ".jsonl"):
        return _json(path, options)
    first = next((line for _, line in lines_of(path) if line.strip()), "")
    if suffix == ".pubtator" or pubtator.HEAD.fullmatch(first):
        return Reading(list(pubtator.read_pubtator(path, options)), "pubtator")
    return Reading(list(conll.read_conll(path, options)), "conll")


def _json(path: Path, options: Options) -> Reading:
    if bioc.is_bioc(path):
        return Reading(list(bioc.read_bioc(path, options)), "bioc")
    if reference.is_reference(path):
        return Reading(reference.reference_documents(path), "conversations", in_words=True, offsets=False)
    rows = read_rows(path)
    form = next((form for _, row in rows for form in FORMS if form.has(row)), None)
    if form is None:
        if not rows:
            return Reading([], "jsonl")
        raise misread(path, rows[0][0], _unknown(rows[0][1]))
    if form.name == "tokens" and not options.tags:
        options = replace(options, tags=class_labels(path.parent))
    read: list[Document | ByAnnotator] = []
    for number, (place, row) in enumerate(rows):
        try:
            read.append(form.read(row, number, options))
        except Misfit as error:
            raise misread(path, place, error) from None
    return Reading(_documents(path, read, options), form.name, form.in_words)


def _documents(path: Path, read: list[Document | ByAnnotator], options: Options) -> list[Document]:
    alone = [ByAnnotator(one, None, None) if isinstance(one, Document) else one for one in read]
    try:
        return list(one_each(alone, options.annotator))
    except Misfit as error:
        raise RequestError(f"{path}: {error}") from None


def _unknown(row: Row) -> str:
    if "tokens" in row:
        return "the key `ner_tags` is missing."
    missing = "`entities`" if "text" in row else "`text` and `entities`"
    return (
        f"{missing} is missing, or the keys of another known format: `label` (doccano), `spans` (Prodigy), `data` and "
        "`annotations` (Label Studio), `tokens` and `ner_tags`, `tokenized_text` and `ner` (GLiNER)."
    )
