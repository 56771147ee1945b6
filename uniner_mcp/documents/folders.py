"""The folders whose files may be read: finding files below them by name or pattern, and opening nothing else."""

from __future__ import annotations

import fnmatch
import os
import re
import stat
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path, PurePath

from uniner_mcp.documents.reading import CONVERTED_SUFFIXES, TEXT_SUFFIXES
from uniner_mcp.errors import RequestError, SettingsError
from uniner_mcp.files import quoted

MAX_FILES = 100
"""Maximum number of files that a pattern may match."""
MAX_DEEP = 2
"""Maximum number of `**` in a pattern, whose cost grows with its power."""
MAX_VISITED = 50_000
"""Maximum number of files and folders that are looked at to find some."""
_PATTERN = re.compile(r"[*?\[]")
_SUFFIXES = CONVERTED_SUFFIXES | TEXT_SUFFIXES
_SAFE = os.open in os.supports_dir_fd and hasattr(os, "O_NOFOLLOW")
"""Whether the system opens a file relative to an open folder without following links (not Windows)."""


@dataclass(frozen=True, slots=True)
class Found:
    """A file below an allowed folder. `name` is its path from that folder, with slashes."""

    name: str
    folder: Path


class Folders:
    """The allowed folders. Of files with the same name below several, the first folder's is meant.

    Hidden files, and those in hidden folders, do not exist here. Messages say nothing of what is elsewhere.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        """Take the folders. Raises SettingsError if one does not exist."""
        for folder in folders:
            if not folder.is_dir():
                raise SettingsError(f"Setting `files`: {quoted(folder)} is not a folder.")
        # Clients name absolute paths as the operator wrote them, or with links resolved.
        self._named = [(Path(os.path.abspath(folder)), folder.resolve()) for folder in folders]

    def find(self, path: str) -> list[Found]:
        """Return the file of this name, or else those that match it as a pattern, sorted. Raises RequestError.

        path: a path from an allowed folder, or an absolute one below it; in a pattern, `*` and `?` stand for characters
            of one name, and `**/` for any folders.
        """
        relative = self._relative(path)
        for name, folder in relative:
            if self._is_file(folder, name):
                return [Found(name, folder)]
        if not _PATTERN.search(path):
            raise RequestError(self._missing(path))
        if path.count("**") > MAX_DEEP:
            raise RequestError(f"The pattern contains `**` more than {MAX_DEEP} times: narrow it.")
        found: dict[str, Found] = {}
        for pattern, folder in relative:
            parts = pattern.split("/")
            for name in _walk(folder):
                if _matches(name.split("/"), parts) and _is_known(name) and self._is_file(folder, name):
                    found.setdefault(name, Found(name, folder))
        if not found:
            raise RequestError("No file that can be read matches this pattern, below the folders that may be read.")
        if len(found) > MAX_FILES:
            raise RequestError(f"The pattern matches {len(found)} files, but the limit is {MAX_FILES}: narrow it.")
        return [found[name] for name in sorted(found)]

    def read(self, file: Found, max_bytes: int) -> bytes:
        """Return the content of the file, of which at most one byte more than `max_bytes`. Raises RequestError."""
        try:
            with os.fdopen(_open(file.folder, file.name), "rb") as opened:
                return opened.read(max_bytes + 1)
        except (OSError, ValueError):
            raise RequestError("The file is gone, or this server may not read it.") from None

    def _relative(self, path: str) -> list[tuple[str, Path]]:
        """Return the path relative to each folder that it may be below, without looking at any file."""
        if "\0" in path or ".." in PurePath(path).parts or not path.strip():
            return []
        given = Path(path)
        if not given.is_absolute():
            names = [(given.as_posix(), folder) for _, folder in self._named]
        else:
            names = [
                (given.relative_to(root).as_posix(), folder)
                for named, folder in self._named
                for root in dict.fromkeys((named, folder))
                if given.is_relative_to(root)
            ]
        return [(name, folder) for name, folder in names if not _is_hidden(name)]

    def _is_file(self, folder: Path, name: str) -> bool:
        with suppress(OSError, ValueError):
            os.close(_open(folder, name))
            return True
        return False

    def _missing(self, path: str) -> str:
        names = [name for _, folder in self._named for name in _walk(folder)]
        names = list(filter(_is_known, names))
        near = get_close_matches(PurePath(path).name, {PurePath(name).name for name in names}, 3, 0.5)
        shown = [name for name in names if PurePath(name).name in near][:5] or sorted(names)[:5]
        hint = f" There are, for example: {', '.join(map(quoted, shown))}." if shown else " They contain none."
        return f"There is no such file below the folders that may be read.{hint}"


def _is_known(name: str) -> bool:
    return PurePath(name).suffix.casefold() in _SUFFIXES


def _is_hidden(name: str) -> bool:
    return any(part.startswith(".") for part in PurePath(name).parts)


def _open(folder: Path, name: str) -> int:
    """Open a file below the folder and return its descriptor. Raises OSError or ValueError.

    Links are followed if they stay below the folder. A folder that becomes a link meanwhile is not followed.
    """
    real = (folder / name).resolve(strict=True).relative_to(folder)
    if _is_hidden(str(real)) or not real.parts:
        raise ValueError("hidden")
    # O_NONBLOCK: opening a named pipe must not wait for its other end.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    if _SAFE:
        at = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            for part in real.parts[:-1]:
                below = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=at)
                os.close(at)
                at = below
            descriptor = os.open(real.parts[-1], flags | os.O_NOFOLLOW, dir_fd=at)
        finally:
            os.close(at)
    else:
        descriptor = os.open(folder / real, flags)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise ValueError("not a file")
    return descriptor


def _walk(folder: Path) -> Iterator[str]:
    """Yield the files below the folder, by name, without hidden ones; folders that are links are not entered."""
    visited = 0
    for at, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith("."):
                yield (Path(at) / name).relative_to(folder).as_posix()
        visited += len(folders) + len(files)
        if visited > MAX_VISITED:
            return


def _matches(name: Sequence[str], pattern: Sequence[str]) -> bool:
    """Whether the parts of a name match those of a pattern."""
    if not pattern:
        return not name
    if pattern[0] == "**":
        return any(_matches(name[number:], pattern[1:]) for number in range(len(name) + 1))
    return bool(name) and fnmatch.fnmatchcase(name[0], pattern[0]) and _matches(name[1:], pattern[1:])
