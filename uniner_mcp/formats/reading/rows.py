"""Rows of JSON and JSON Lines, whatever the tool that wrote them; every error names the file and the line or item."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar, cast

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError

from uniner_mcp.formats.reading.files import Misfit, content, decoded, misread, suffix_of

Row = dict[str, object]
"""One object of a file."""


class Strict(BaseModel):
    """Base class of the models of rows: values are not converted; keys that say nothing about mentions are ignored."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


Model = TypeVar("Model", bound=Strict)


def fitted(model: type[Model], row: object) -> Model:
    """Validate a row. Raises Misfit, which names the key that is missing or wrong, but none of the text."""
    try:
        return model.model_validate(row)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"]).removeprefix(".")
    if first["type"] == "missing":
        raise Misfit(f"the key `{where}` is missing.")
    raise Misfit(f"`{where}`: {first['msg'][:1].lower()}{first['msg'][1:]}.")


def read_rows(path: Path) -> list[tuple[str, Row]]:
    """Return the objects of `*.json` (a list of objects) or `*.jsonl`, each with its place; blank lines are skipped.

    Raises RequestError, with file and line, if the file is not UTF-8 or not JSON.
    """
    written = content(path).removeprefix(b"\xef\xbb\xbf")
    decoded(path, written)
    if suffix_of(path) == ".jsonl" or not written.lstrip().startswith(b"["):
        lines = ((f"line {number}", line) for number, line in enumerate(written.split(b"\n"), start=1))
        return _objects(path, ((place, _parsed(path, place, line)) for place, line in lines if line.strip()))
    items = cast("list[object]", _parsed(path, None, written))
    return _objects(path, ((f"item {number}", item) for number, item in enumerate(items)))


def _parsed(path: Path, place: str | None, written: bytes) -> object:
    try:
        return orjson.loads(written)
    except orjson.JSONDecodeError as error:
        raise misread(path, place or f"line {error.lineno}", f"not valid JSON: {error.msg}.") from None


def _objects(path: Path, items: Iterable[tuple[str, object]]) -> list[tuple[str, Row]]:
    rows: list[tuple[str, Row]] = []
    for place, item in items:
        if not isinstance(item, dict):
            raise misread(path, place, "expected a JSON object.")
        rows.append((place, cast("Row", item)))
    return rows
