"""Predictions of an engine on annotated sets, stored per passage, so that an interrupted run can be resumed.

OUT/run.json describes the engine and the data of the run; OUT/predictions/SET.jsonl has one line per passage.
"""

from __future__ import annotations

import hashlib
import platform
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import cast

import orjson
from pydantic import BaseModel

import uniner_mcp
from uniner_mcp.errors import ExtractionError, RequestError
from uniner_mcp.evaluate.loading import TestSet
from uniner_mcp.extraction.extractor import Extractor
from uniner_mcp.extraction.merging import merge
from uniner_mcp.formats.documents import Document
from uniner_mcp.schema import Extraction, Overlap

MAX_TYPES = 64
"""How many types one request may have by default."""


class Found(BaseModel):
    """An entity that the engine found."""

    type: str
    text: str
    start: int
    end: int
    confidence: float | None = None


class Prediction(BaseModel):
    """The entities found in one passage; `unanswered` lists the types that were not answered.

    refused: why the passage could not be asked at all.
    """

    id: str
    entities: list[Found]
    unanswered: list[str]
    refused: str | None = None
    seconds: float
    input_tokens: int = 0
    output_tokens: int = 0
    usd: float = 0.0


class Run:
    """The folder of a run."""

    def __init__(
        self, out: Path, extractor: Extractor, sets: list[TestSet], split: str, max_types: int = MAX_TYPES
    ) -> None:
        """Start or resume a run. Raises RequestError if the folder contains a run of another engine or other data.

        max_types: how many types the extractor takes in one request.
        """
        self.out = out
        self._max_types = max_types
        info = extractor.info()
        known = {
            "name": info.name,
            "model": info.model,
            "fingerprint": info.fingerprint,
            "context_budget": info.context_budget,
            "teacher": info.teacher,
            "split": split,
            "sets": {one.name: _digest(one) for one in sets},
        }
        made = {"version": uniner_mcp.__version__, "date": str(date.today()), "machine": platform.machine()}
        path = out / "run.json"
        if path.exists():
            before = cast("dict[str, object]", orjson.loads(path.read_bytes()))
            if changed := [name for name in known if before.get(name) != known[name]]:
                raise RequestError(
                    f"{out} contains a run that differs in {', '.join(changed)}: choose another --out, or delete the "
                    "folder."
                )
        (out / "predictions").mkdir(parents=True, exist_ok=True)
        path.write_bytes(orjson.dumps({**known, **made}, option=orjson.OPT_INDENT_2))

    def predictions(self, name: str) -> dict[str, Prediction]:
        """Return the stored predictions for a set, by passage number."""
        return read_predictions(self.out, name)

    async def predict(self, extractor: Extractor, test_set: TestSet, on_passage: Callable[[], None]) -> None:
        """Process the passages that have no prediction, one after the other; call `on_passage` after each."""
        known = self.predictions(test_set.name)
        path = self.out / "predictions" / f"{test_set.name}.jsonl"
        path.write_bytes(b"".join(one.model_dump_json().encode() + b"\n" for one in known.values()))
        for number, example in enumerate(test_set.examples):
            if str(number) in known or not test_set.asked(example):
                continue
            asked = test_set.asked(example)
            prediction = await _predict(extractor, str(number), example, asked, test_set.overlap, self._max_types)
            with path.open("ab") as file:
                file.write(prediction.model_dump_json().encode() + b"\n")
            on_passage()


def read_predictions(out: Path, name: str) -> dict[str, Prediction]:
    """Read the predictions in `out` for a set, by passage number; a line that a crash left incomplete is skipped."""
    path = out / "predictions" / f"{name}.jsonl"
    lines = path.read_bytes().splitlines() if path.exists() else []
    return {one.id: one for line in lines for one in _read(line)}


async def _predict(
    extractor: Extractor, number: str, example: Document, types: list[str], overlap: Overlap, most: int
) -> Prediction:
    """Ask for the types in groups that fit into a request, and merge the answers as one request would."""
    if not example.text.strip():
        return Prediction(id=number, entities=[], unanswered=[], seconds=0)
    started = time.perf_counter()
    unanswered: list[str] = []
    found: list[Extraction] = []
    for group in (types[first : first + most] for first in range(0, len(types), most)):
        try:
            found.append(await extractor.extract(example.text, group, overlap=overlap if len(types) <= most else "all"))
        except ExtractionError:
            unanswered += group
        except RequestError as error:
            spent = time.perf_counter() - started
            return Prediction(id=number, entities=[], unanswered=types, refused=str(error), seconds=spent)
    entities = [entity for extraction in found for entity in extraction.entities]
    by = [one for extraction in found for one in extraction.answered_by]
    return Prediction(
        id=number,
        entities=[
            Found(**entity.model_dump()) for entity in (entities if len(types) <= most else merge(entities, overlap))
        ],
        unanswered=[*unanswered, *(missing.type for extraction in found for missing in extraction.unanswered)],
        seconds=time.perf_counter() - started,
        input_tokens=sum(one.input_tokens or 0 for one in by),
        output_tokens=sum(one.output_tokens or 0 for one in by),
        usd=sum(one.usd or 0 for one in by),
    )


def _read(line: bytes) -> Iterator[Prediction]:
    try:
        yield Prediction.model_validate_json(line)
    except ValueError:
        return


def _digest(test_set: TestSet) -> str:
    """Return a hash that changes with every passage, entity and type that is scored."""
    whole = (test_set.types, [asdict(example) for example in test_set.examples])
    return hashlib.sha256(orjson.dumps(whole)).hexdigest()[:16]
