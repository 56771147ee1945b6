"""Bytes and lines of a file; every error names the file and the line."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path

from uniner_mcp.errors import RequestError


class Misfit(ValueError):
    """A part of a file contradicts its format. The reader of the file adds the place."""


def misread(path: Path, place: str, said: object) -> RequestError:
    """Return the error for a place in a file, such as `line 3`."""
    return RequestError(f"{path}, {place}: {said}")


def suffix_of(path: Path) -> str:
    """Return the end of a file's name that says its format, such as `.jsonl` for `dev.jsonl.gz`."""
    return path.with_suffix("").suffix if path.suffix == ".gz" else path.suffix


def content(path: Path) -> bytes:
    """Return the content of a file, uncompressed if its name ends with `.gz`. Raises RequestError, or OSError."""
    if path.suffix != ".gz":
        return path.read_bytes()
    try:
        return gzip.decompress(path.read_bytes())
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise RequestError(f"{path} is not a complete gzip file: compress it again.") from None


def text_of(path: Path) -> str:
    """Return the text of a file, every character as it is. Raises RequestError if it is not UTF-8."""
    return decoded(path, content(path))


def decoded(path: Path, written: bytes) -> str:
    """Decode the content of a file. Raises RequestError, with the line, if it is not UTF-8."""
    try:
        return written.decode()
    except UnicodeDecodeError as error:
        line = written.count(b"\n", 0, error.start) + 1
        raise misread(path, f"line {line}", "not UTF-8: convert the file first.") from None


def lines_of(path: Path) -> Iterator[tuple[int, str]]:
    r"""Yield the numbered lines of a file. They end at `\n` or `\r\n` only: U+2028 and form feeds are text."""
    for number, line in enumerate(text_of(path).removeprefix("\ufeff").split("\n"), start=1):
        yield number, line.removesuffix("\r")


def beginning(path: Path, length: int = 4096) -> bytes:
    """Return the first bytes of a file, uncompressed; none if it is not a complete gzip file."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            return file.read(length)
    except (gzip.BadGzipFile, EOFError, zlib.error):
        return b""
