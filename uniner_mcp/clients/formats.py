"""The kinds of files in which clients keep their servers: each adds our entry to a text, and takes it out again."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, cast

import tomlkit
import tomlkit.exceptions

from uniner_mcp.clients import jsonc
from uniner_mcp.clients.entries import NAME, Entry


class Unreadable(ValueError):
    """The file cannot be merged. The message says why, without quoting it."""


class Format(Protocol):
    """A kind of file."""

    def put(self, text: str, entry: Entry) -> str:
        """Return the text with our entry. Raises Unreadable."""
        ...

    def take(self, text: str) -> str | None:
        """Return the text without our entry, or None if nothing is left. Raises Unreadable."""
        ...

    def shown(self, entry: Entry) -> str:
        """Return our entry as users can paste it."""
        ...


@dataclass(frozen=True, slots=True)
class Json:
    """JSON, with comments or without: an object of servers under `key`."""

    key: str

    def put(self, text: str, entry: Entry) -> str:
        """Add the entry as a member."""
        try:
            return jsonc.put(text, self.key, NAME, entry)
        except ValueError as error:
            raise self._unreadable(error) from None

    def take(self, text: str) -> str:
        """Remove the member."""
        try:
            return jsonc.take(text, self.key, NAME)
        except ValueError as error:
            raise self._unreadable(error) from None

    def shown(self, entry: Entry) -> str:
        """Return the member in its object."""
        return json.dumps({self.key: {NAME: entry}})

    def _unreadable(self, error: ValueError) -> Unreadable:
        if isinstance(error, json.JSONDecodeError):
            return Unreadable(f"it is not valid JSON (line {error.lineno}: {error.msg})")
        return Unreadable(f'it is not an object, or its "{self.key}" is not')


@dataclass(frozen=True, slots=True)
class Toml:
    """TOML: a table of servers under `key`, edited by tomlkit, which keeps comments and layout."""

    key: str

    def put(self, text: str, entry: Entry) -> str:
        """Add the entry as a table."""
        before, document, servers = self._read(text)
        if before.get(self.key, {}).get(NAME) == entry:
            return text
        if servers is None:
            document.append(self.key, tomlkit.table(is_super_table=True))
            servers = cast("dict[str, Any]", document[self.key])
        servers[NAME] = entry
        return self._checked(document, {**before, self.key: {**before.get(self.key, {}), NAME: entry}})

    def take(self, text: str) -> str:
        """Remove the table."""
        before, document, servers = self._read(text)
        if servers is None or NAME not in servers:
            return text
        del servers[NAME]
        rest = {name: server for name, server in before[self.key].items() if name != NAME}
        if not rest:
            del document[self.key]
        others = {name: value for name, value in before.items() if name != self.key}
        return self._checked(document, {**others, **({self.key: rest} if rest else {})})

    def shown(self, entry: Entry) -> str:
        """Return the table."""
        return tomlkit.dumps({self.key: {NAME: entry}}).strip()

    def _read(self, text: str) -> tuple[dict[str, Any], tomlkit.TOMLDocument, dict[str, Any] | None]:
        try:
            before, document = tomllib.loads(text), tomlkit.parse(text)
        except (tomllib.TOMLDecodeError, tomlkit.exceptions.TOMLKitError) as error:
            raise Unreadable(f"it is not valid TOML ({error})") from None
        if not isinstance(before.get(self.key, {}), dict):
            raise Unreadable(f"its {self.key} is not a table")
        return before, document, cast("dict[str, Any]", document).get(self.key)

    def _checked(self, document: tomlkit.TOMLDocument, wanted: Mapping[str, Any]) -> str:
        """The text, if it means what it should: tomlkit moves some tables that are written with dotted keys."""
        text = tomlkit.dumps(document)  # pyright: ignore[reportUnknownMemberType]
        if tomllib.loads(text) != wanted:
            raise Unreadable(f"its {self.key} is written in a form that cannot be edited without changing more")
        return text


@dataclass(frozen=True, slots=True)
class Block:
    """A YAML file of our own, in a folder of such files. Its values are JSON, which is YAML as well."""

    key: str

    def put(self, text: str, entry: Entry) -> str:
        """Replace the file."""
        return self.shown(entry) + "\n"

    def take(self, text: str) -> None:
        """Delete the file."""

    def shown(self, entry: Entry) -> str:
        """Return the file."""
        fields = {"name": NAME, **entry}
        lines = [f"{field}: {json.dumps(value, ensure_ascii=False)}" for field, value in fields.items()]
        server = "\n    ".join(lines)
        return f"name: {NAME}\nversion: 1.0.0\nschema: v1\n{self.key}:\n  - {server}"
