"""Our entry: what a client needs to know to start the server, or to connect to a running one."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from uniner_mcp.errors import RequestError

NAME = "uniner"
"""Name of our server in the configuration files."""
COMMAND = "uniner-mcp"
Entry = dict[str, Any]
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


@dataclass(frozen=True, slots=True)
class Local:
    """A server that the client starts: `uniner-mcp serve` with these options and environment variables."""

    options: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict[str, str])

    def entry(self, command: str) -> Entry:
        """Return the form that almost all clients share."""
        given: Entry = {"command": command, "args": ["serve", *self.options]}
        return {**given, "env": dict(self.env)} if self.env else given


@dataclass(frozen=True, slots=True)
class Remote:
    """A running server. headers: the environment variable that contains the value of each header."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict[str, str])

    def __post_init__(self) -> None:
        if not self.url.startswith(("http://", "https://")):
            raise RequestError("Give the URL of the endpoint as `serve` prints it: http://host:port/mcp.")


def variables(given: Iterable[str]) -> dict[str, str]:
    """Read `NAME=VALUE` pairs. Raises RequestError, which does not contain the value: it may be secret."""
    read: dict[str, str] = {}
    for pair in given:
        name, equals, value = pair.partition("=")
        if not equals or not _VARIABLE.fullmatch(name) or "\0" in value:
            raise RequestError("Give environment variables as --env NAME=VALUE.")
        read[name] = value
    return read


def headers(given: Iterable[str]) -> dict[str, str]:
    """Read `HEADER=VARIABLE` pairs. Raises RequestError, which does not contain them: a key may have been given."""
    read: dict[str, str] = {}
    for pair in given:
        name, _, variable = pair.partition("=")
        if not _HEADER.fullmatch(name) or not _VARIABLE.fullmatch(variable):
            raise RequestError(
                "Give headers as --header-env HEADER=VARIABLE, where VARIABLE is the name of the environment variable "
                "that contains the whole value of the header: --header-env Authorization=UNINER_AUTHORIZATION."
            )
        read[name] = variable
    return read


def own_command() -> str:
    """Return the full path of our command: clients do not search the PATH of the user's shell."""
    beside = shutil.which(COMMAND, path=str(Path(sys.executable).parent))
    found = beside or shutil.which(COMMAND)
    if found is None:
        raise RequestError("Cannot find the command uniner-mcp: install the package in this environment.")
    return found
