"""Edit one member of an object in JSON with comments, and leave every other character as it is.

Clients accept comments and trailing commas in their files, and users write them. No maintained Python library edits
such files, so comments are overwritten with spaces, which keeps all positions, and the standard decoder finds the
values.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_COMMENT = re.compile(r'"(?:\\.|[^"\\\n])*"|//[^\n]*|/\*.*?\*/', re.DOTALL)
_COMMA = re.compile(r'"(?:\\.|[^"\\\n])*"|,(?=\s*[}\]])')
_SPACE = re.compile(r"\s*")
_FIRST_INDENT = re.compile(r"^([ \t]+)\S", re.MULTILINE)
_INDENT = re.compile(r"[ \t]*")
_REST_OF_LINE = re.compile(r"[ \t\r]*\n")
_DECODER = json.JSONDecoder()


class NotAnObject(ValueError):
    """The file, or the member that contains the servers, is not an object."""


@dataclass(frozen=True, slots=True)
class _Member:
    """A member of an object, by offsets: `start` of its key, `value` and `end` of its value."""

    name: str
    start: int
    value: int
    end: int


def put(text: str, key: str, name: str, entry: Any) -> str:
    """Return the text with `entry` as member `name` of the object `key`, which is added if it is missing.

    Raises json.JSONDecodeError if the text is not JSON with comments, NotAnObject if there is no object to add to.
    """
    text = text if text.strip() else "{}\n"
    file = _File(text)
    servers = file.member(file.root, key)
    if servers is None:
        return file.appended(file.root, key, {name: entry})
    old = file.member(servers.value, name)
    if old is None:
        return file.appended(servers.value, name, entry)
    if file.decoded(old.value) == entry:
        return text
    return text[: old.value] + file.rendered(entry, file.indent(old.start)) + text[old.end :]


def take(text: str, key: str, name: str) -> str:
    """Return the text without member `name` of the object `key`. Raises as `put`."""
    if not text.strip():
        return text
    file = _File(text)
    servers = file.member(file.root, key)
    if servers is None or file.member(servers.value, name) is None:
        return text
    # JSON allows the name twice.
    return take(file.without(servers.value, name), key, name)


def plain(text: str) -> str:
    """Return the text as JSON of the same length, without comments and trailing commas."""
    return _COMMA.sub(lambda found: " " if found[0] == "," else found[0], _bare(text))


class _File:
    """A text, and the same with comments (`bare`) and also trailing commas (`plain`) overwritten with spaces."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.bare = _bare(text)
        self.plain = plain(text)
        _DECODER.decode(self.plain)
        self.root = _after(self.plain, 0)
        self.newline = "\r\n" if "\r\n" in text else "\n"
        step = _FIRST_INDENT.search(self.bare)
        self.step = step[1] if step else "  "

    def decoded(self, offset: int) -> Any:
        return _DECODER.raw_decode(self.plain, offset)[0]

    def members(self, start: int) -> Iterator[_Member]:
        """The members of the object that starts at `start`. Raises NotAnObject."""
        if self.plain[start] != "{":
            raise NotAnObject
        at = _after(self.plain, start + 1)
        while self.plain[at] != "}":
            name, colon = _DECODER.raw_decode(self.plain, at)
            value = _after(self.plain, _after(self.plain, colon) + 1)
            end = _DECODER.raw_decode(self.plain, value)[1]
            yield _Member(name, at, value, end)
            at = _after(self.plain, end)
            if self.plain[at] == ",":
                at = _after(self.plain, at + 1)

    def member(self, start: int, name: str) -> _Member | None:
        """The member with that name; of several the last, because that is the one that counts."""
        return next((member for member in reversed(list(self.members(start))) if member.name == name), None)

    def appended(self, start: int, name: str, value: Any) -> str:
        """The text with a further member in the object that starts at `start`."""
        members = list(self.members(start))
        first = members[-1].end if members else start + 1
        end = _DECODER.raw_decode(self.plain, start)[1] - 1
        outer = self.indent(start)
        inner = self.indent(members[-1].start) if members else outer
        inner = inner if len(inner) > len(outer) else outer + self.step
        trails = "," in self.bare[first:end]
        comma, trailing = "," if members and not trails else "", "," if trails else ""
        member = f"{inner}{json.dumps(name)}: {self.rendered(value, inner)}{trailing}"
        kept = self.text[first:end].rstrip()
        return f"{self.text[:first]}{comma}{kept}{self.newline}{member}{self.newline}{outer}{self.text[end:]}"

    def without(self, start: int, name: str) -> str:
        """The text without that member of the object that starts at `start`."""
        members = list(self.members(start))
        at = next(index for index, member in enumerate(members) if member.name == name)
        first, end = members[at].start, members[at].end
        comma = _after(self.bare, end)
        if has_comma := self.bare[comma] == ",":
            end = comma + 1
        line = self.text.rfind("\n", 0, first) + 1
        rest = _REST_OF_LINE.match(self.text, end)
        if rest and not self.text[line:first].strip():
            first, end = line, rest.end()
        before = self.text[:first]
        if at and at == len(members) - 1 and not has_comma:
            comma = _after(self.bare, members[at - 1].end)
            before = self.text[:comma] + self.text[comma + 1 : first]
        return before + self.text[end:]

    def rendered(self, value: Any, indent: str) -> str:
        """The value as JSON in the style of the file, for a line with that indentation."""
        lines = json.dumps(value, indent=self.step, ensure_ascii=False).split("\n")
        return f"{self.newline}{indent}".join(lines)

    def indent(self, offset: int) -> str:
        """The white space at the start of the line of `offset`."""
        found = _INDENT.match(self.text, self.text.rfind("\n", 0, offset) + 1)
        return found[0] if found else ""


def _bare(text: str) -> str:
    return _COMMENT.sub(lambda found: _blank(found[0]) if found[0][0] == "/" else found[0], text)


def _blank(comment: str) -> str:
    return "".join(letter if letter == "\n" else " " for letter in comment)


def _after(text: str, offset: int) -> int:
    """The offset of the next character that is not white space."""
    found = _SPACE.match(text, offset)
    return found.end() if found else offset
