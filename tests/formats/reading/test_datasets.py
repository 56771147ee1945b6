from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from uniner_mcp.formats.documents import Span
from uniner_mcp.formats.reading.datasets import DataSet

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
