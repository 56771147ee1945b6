"""The formats that documents are written in, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from uniner_mcp.errors import RequestError
from uniner_mcp.formats.documents import Document
from uniner_mcp.formats.writing import brat
from uniner_mcp.formats.writing.bioc import write_bioc
from uniner_mcp.formats.writing.conll import write_conll
from uniner_mcp.formats.writing.docbin import write_docbin
from uniner_mcp.formats.writing.label_studio import write_annotations, write_predictions
from uniner_mcp.formats.writing.losses import Losses
from uniner_mcp.formats.writing.rows import write_csv, write_doccano, write_jsonl, write_prodigy


@dataclass(frozen=True, slots=True)
class Format:
    """A format. encode: yields a file of all documents; suffix: that of the file, empty for the folder of brat."""

    name: str
    suffix: str
    encode: Callable[[Iterable[Document], Losses], Iterator[bytes]]

    def write(self, documents: Iterable[Document], path: Path) -> Losses:
        """Write a new file, or a folder for brat, and count what it does not hold. Raises OSError if it exists."""
        losses = Losses()
        if not self.suffix:
            brat.write_brat(documents, path, losses)
            return losses
        written = b"".join(self.encode(documents, losses))
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as file:
            file.write(written)
        return losses


FORMATS = {
    form.name: form
    for form in (
        Format("jsonl", ".jsonl", write_jsonl),
        Format("csv", ".csv", write_csv),
        Format("brat", "", brat.encode_brat),
        Format("conll", ".conll", write_conll),
        Format("label-studio", ".json", write_annotations),
        Format("label-studio-predictions", ".json", write_predictions),
        Format("doccano", ".jsonl", write_doccano),
        Format("prodigy", ".jsonl", write_prodigy),
        Format("spacy", ".spacy", write_docbin),
        Format("bioc", ".json", write_bioc),
    )
}


def find_format(name: str) -> Format:
    """Return a format by its name. Raises RequestError, which lists the names."""
    if name not in FORMATS:
        raise RequestError(f"{name!r} is not a format: use one of {', '.join(FORMATS)}.")
    return FORMATS[name]
