"""Read the documents of a corpus, one at a time: JSON Lines, plain text and Parquet, also compressed (pyarrow)."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import orjson

from uniner_mcp.errors import RequestError, UninerError
from uniner_mcp.installation import install_command

_COMPRESSED = frozenset({".gz", ".bz2", ".zst", ".lz4"})
_FORMATS = (".jsonl", ".parquet", ".txt")


def corpus_files(paths: Sequence[Path]) -> list[Path]:
    """Return the files of a corpus: the given files, and those in the given folders, sorted by name.

    Raises RequestError if there is none, or if a given file has another format.
    """
    files: list[Path] = []
    for path in paths:
        files += sorted(found for found in path.rglob("*") if _format(found)) if path.is_dir() else [path]
    for path in files:
        if _format(path) is None:
            raise RequestError(
                f"{path} is not a corpus file: use {', '.join(_FORMATS)}, optionally compressed (.gz, .bz2, .zst)."
            )
        if not path.is_file():
            raise RequestError(f"There is no file {path}: check the path.")
    if not files:
        raise RequestError(f"There is no corpus file ({', '.join(_FORMATS)}) in {', '.join(map(str, paths))}.")
    return files


def documents(path: Path, field: str) -> Iterator[str]:
    """Yield the documents of a file: the values of `field` in JSON Lines or Parquet, or the paragraphs of a text file.

    Raises RequestError, with file and line or row, if a value is missing or not a string.
    """
    readers = {".jsonl": _json_lines, ".parquet": _parquet, ".txt": _paragraphs}
    yield from readers[_format(path) or ""](path, field)


def _format(path: Path) -> str | None:
    suffixes = [suffix for suffix in path.suffixes if suffix not in _COMPRESSED]
    return suffixes[-1] if suffixes and suffixes[-1] in _FORMATS else None


def _json_lines(path: Path, field: str) -> Iterator[str]:
    with _opened(path) as lines:
        for number, line in enumerate(lines, start=1):
            try:
                yield _string(orjson.loads(line)[field])
            except (orjson.JSONDecodeError, KeyError, TypeError):
                raise RequestError(
                    f"{path}, line {number}: expected an object with a string field {field!r}."
                ) from None


def _paragraphs(path: Path, field: str) -> Iterator[str]:
    lines: list[str] = []
    with _opened(path) as file:
        try:
            for line in io.TextIOWrapper(file, encoding="utf-8"):
                if line.strip():
                    lines.append(line)
                elif lines:
                    yield "".join(lines)
                    lines = []
        except UnicodeDecodeError:
            raise RequestError(f"{path} is not UTF-8 text: convert it to UTF-8.") from None
    if lines:
        yield "".join(lines)


def _parquet(path: Path, field: str) -> Iterator[str]:
    parquet = _pyarrow("pyarrow.parquet")
    row = 0
    try:
        table = parquet.ParquetFile(path)
        if field not in table.schema_arrow.names:
            raise RequestError(
                f"{path} has no column {field!r}. Its columns are: {', '.join(table.schema_arrow.names)}."
            )
        for batch in table.iter_batches(columns=[field]):
            for value in batch.column(0).to_pylist():
                row += 1
                yield _string(value)
    except TypeError:
        raise RequestError(f"{path}, row {row}: {field!r} is not a string.") from None
    except (OSError, _pyarrow("pyarrow").ArrowException):
        raise RequestError(f"{path} cannot be read as Parquet.") from None


def _opened(path: Path) -> io.BufferedReader:
    return io.BufferedReader(_pyarrow("pyarrow").input_stream(str(path), compression="detect"))


def _string(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _pyarrow(module: str) -> Any:
    try:
        return import_module(module)
    except ImportError:
        raise UninerError(f"Sampling needs the `sample` extra: run {install_command('sample')}.") from None
