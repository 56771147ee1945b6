from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from uniner_mcp.formats.documents import Span
from uniner_mcp.formats.reading.datasets import DataSet, read_examples

LINE = '{"id": "1", "text": "Ada", "entities": [{"text": "Ada", "type": "person", "start": 0, "end": 3}]}\n'


def test_a_set_is_read_plain_or_compressed(tmp_path: Path) -> None:
    (tmp_path / "dev.jsonl").write_text(LINE, encoding="utf-8")
    (tmp_path / "test.jsonl.gz").write_bytes(gzip.compress(LINE.encode()))
    (tmp_path / "card.json").write_text('{"entity_counts": {"person": 1, "city": 0}}', encoding="utf-8")
    dataset = DataSet("people", tmp_path)
    assert dataset.split("dev") == dataset.split("test")
    assert dataset.split("dev")[0].entities == (Span("Ada", "person", 0, 3),)
    assert dataset.types() == ["city", "person"]
    with pytest.raises(ValueError, match="no train split"):
        dataset.split("train")


@pytest.mark.parametrize("line", ["{", '{"id": "1"}', LINE.replace('"start": 0', '"start": 1')])
def test_a_line_that_does_not_fit_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text(LINE + line, encoding="utf-8")
    with pytest.raises(ValueError, match="line 2"):
        list(read_examples(path))
