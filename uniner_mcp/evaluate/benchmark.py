"""The 49 rows of the UniversalNER benchmark with published figures (`benchmark.toml`), and what nano was trained on."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Literal

from uniner_mcp.schema import Frozen


class Row(Frozen):
    """One row. f1: zero-shot F1 in percent by model; set: its usual folder name; passages: size of the test set."""

    name: str
    domain: str
    passages: int
    types: int
    f1: Mapping[str, float]
    status: Literal["available", "licence-bound", "not obtained"]
    set: str | None = None
    note: str = ""


class Benchmark(Frozen):
    """All rows, and the source of the figures of each model."""

    sources: Mapping[str, str]
    rows: tuple[Row, ...]

    def row(self, set_name: str) -> Row | None:
        """Return the row of a set, by its folder name or the paper's name (ignoring case)."""
        wanted = set_name.casefold()
        return next((row for row in self.rows if wanted in (row.set, row.name.casefold())), None)


@cache
def training_mix() -> frozenset[str]:
    """Return the names of the sets that the shipped student was trained on."""
    text = files("uniner_mcp").joinpath("distill", "nano", "sets.toml").read_text(encoding="utf-8")
    return frozenset(tomllib.loads(text))


@cache
def load_benchmark() -> Benchmark:
    """Read the benchmark once."""
    text = files("uniner_mcp.evaluate").joinpath("benchmark.toml").read_text(encoding="utf-8")
    return Benchmark.model_validate(tomllib.loads(text))
