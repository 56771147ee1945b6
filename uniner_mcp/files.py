"""Paths and TOML files that users name. Any problem with one raises a SettingsError that names it."""

from __future__ import annotations

import tomllib
from contextlib import suppress
from pathlib import Path
from typing import Any

from uniner_mcp.errors import SettingsError

_SHOWN = 200
"""Longest name, in characters, that a message quotes."""


def user_path(named: str | Path) -> Path:
    """Return the path with `~` expanded. Raises SettingsError if no file can have that name."""
    try:
        path = Path(named).expanduser()
        with suppress(FileNotFoundError, NotADirectoryError, PermissionError):
            path.lstat()
    except (OSError, RuntimeError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise SettingsError(f"{quoted(named)} is not a valid path: {reason}.") from None
    return path


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file. Raises SettingsError if it is unreadable or not valid, FileNotFoundError if it is missing."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"Cannot read {quoted(path)} as UTF-8 text ({type(error).__name__}).") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{quoted(path)} is not valid TOML: {error}.") from None
    except RecursionError:
        raise SettingsError(f"{quoted(path)} is nested too deeply.") from None


def quoted(named: str | Path) -> str:
    """Return a name for a message: printable, and only the end of a long one."""
    name = str(named)
    short = name if len(name) <= _SHOWN else f"…{name[-_SHOWN:]}"
    return short if short.isprintable() else repr(short)
