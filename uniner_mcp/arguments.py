"""Reading arguments that models, gateways and people write in several ways (pure).

The tools, the library, the command line and the integrations read them with these functions. No message repeats a
value.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from difflib import get_close_matches
from typing import cast, get_args

from pydantic import ValidationError

from uniner_mcp.errors import RequestError
from uniner_mcp.schema import ResultForm

_LIKE_MEANINGS = (
    "`meanings` must be a list such as [{'type': 'left-back', 'meaning': 'a defender on the left side'}]: the name of "
    "a requested type, and what it means in one sentence."
)
_SEPARATOR = re.compile(r"[,\n]")
_NAME = re.compile(r"[A-Za-z_][\w.-]{0,39}", re.ASCII)
_NAMED = 5
"""Number of unknown arguments that a note names."""
_HOST_ID = re.compile(r"_.*|(.*[_-])?(id|ids|uuid)|.*[a-z](Id|ID|Ids|Uuid)")
_HOST_NAMES = frozenset({"meta", "metadata", "progressToken", "tool", "action", "chatInput"})
"""What hosts add to calls; n8n for example `sessionId`, `toolCallId`, `tool`, `action` and `chatInput`."""
_MEANT = {
    "definition": "meanings",
    "descriptions": "meanings",
    "entities": "entity_types",
    "labels": "entity_types",
    "types": "entity_types",
    "next_start": "start",
    "offset": "start",
    "threshold": "min_confidence",
}
"""What similar tools, or our results, call the same thing."""


def is_absent(value: object) -> bool:
    """Whether an optional argument is not given: None, or an empty (or blank) string, list or object."""
    if isinstance(value, str):
        return not value.strip()
    return value is None or (isinstance(value, Sequence | Mapping) and not value)


def type_names(given: object) -> object:
    """Return the names in a string: JSON, `person, city` or `['person', 'city']`. Return anything else as it is."""
    if not isinstance(given, str):
        return given
    decoded = _decoded(given)
    if isinstance(decoded, list | dict):
        return cast(object, decoded)
    if isinstance(decoded, str) and decoded != given:
        return type_names(decoded)
    listed = given.strip()
    if listed.startswith("[") and listed.endswith("]"):
        listed = listed[1:-1]
    names = (name.strip().strip("'\"").strip() for name in _SEPARATOR.split(listed))
    return [name for name in names if name]


def meanings_by_type(given: object) -> dict[str, str]:
    """Return the meanings by the names of their types; those that are absent are left out.

    Args:
        given: Objects with `type` and `meaning`, a mapping of one to the other (the form before `meanings`), or either
            as JSON.

    Raises:
        RequestError: If it is none of these.
    """
    given = _decoded(given)
    if is_absent(given):
        return {}
    if isinstance(given, Mapping):
        pairs = list(cast("Mapping[object, object]", given).items())
    elif isinstance(given, Sequence) and not isinstance(given, str):
        pairs = [_pair(item) for item in cast("Sequence[object]", given)]
    else:
        raise RequestError(_LIKE_MEANINGS)
    meanings: dict[str, str] = {}
    for kind, meaning in pairs:
        if is_absent(meaning):
            continue
        if not isinstance(kind, str) or not isinstance(meaning, str):
            raise RequestError(_LIKE_MEANINGS)
        meanings[" ".join(kind.split())] = " ".join(meaning.split())
    return meanings


def limit_of(given: object) -> int:
    """Return the number of items to list, 0 for all. Raises RequestError."""
    return _whole_number("limit", given, "omit it to list everything")


def start_of(given: object) -> int:
    """Return the offset to begin at. Raises RequestError."""
    return _whole_number("start", given, "omit it to begin with the text")


def result_form(given: object) -> ResultForm:
    """Return what a result lists. Raises RequestError."""
    form = "entities" if is_absent(given) else given
    if form not in get_args(ResultForm):
        raise RequestError("`result` must be 'entities' (each one), 'mentions' (each distinct one) or 'counts'.")
    return cast(ResultForm, form)


def unknown_arguments(given: Iterable[str], known: Sequence[str]) -> list[str]:
    """Return the names of arguments that do not exist, without those that hosts add.

    Raises RequestError for one that is, or may be, a known argument under another name.
    """
    unknown = [name for name in given if name not in known]
    for name in unknown:
        meant = _MEANT.get(name) or next(iter(get_close_matches(name, known, 1, 0.8)), None)
        if meant in known:
            raise RequestError(f"There is no argument `{name}`: did you mean `{meant}`?")
    return [name for name in unknown if name not in _HOST_NAMES and not _HOST_ID.fullmatch(name)]


def unknown_note(unknown: Sequence[str], known: Sequence[str]) -> str:
    """Return what to say of arguments that do not exist. Only names that look like names are repeated."""
    names = [f"`{name}`" for name in unknown if _NAME.fullmatch(name)][:_NAMED]
    if len(names) < len(unknown):
        names.append(f"{len(unknown) - len(names)} more" if names else str(len(unknown)))
    return f"Arguments that do not exist were ignored: {', '.join(names)}. The arguments are: {', '.join(known)}."


def faults(error: ValidationError) -> str:
    """Return what is wrong with which argument. Only outermost names are repeated: inner ones are the caller's."""
    found = error.errors(include_input=False, include_url=False, include_context=False)
    return "; ".join(_fault(fault["loc"][:1], fault["msg"].removeprefix("Value error, ")) for fault in found)


def _whole_number(name: str, given: object, otherwise: str) -> int:
    """Return an argument that is a whole number of at least 0, or 0 if it is absent. Raises RequestError."""
    number = 0 if is_absent(given) else given
    if not isinstance(number, int) or isinstance(number, bool) or number < 0:
        raise RequestError(f"`{name}` must be a whole number of at least 0; {otherwise}.")
    return number


def _fault(where: tuple[int | str, ...], message: str) -> str:
    name = f"`{where[0]}`" if where else ""
    return message if message.startswith(name) else f"{name}: {message}"


def _pair(item: object) -> tuple[object, object]:
    item = _decoded(item)
    if isinstance(item, Mapping):
        named = cast("Mapping[str, object]", item)
        return named.get("type"), named.get("meaning")
    if not hasattr(item, "type") or not hasattr(item, "meaning"):
        raise RequestError(_LIKE_MEANINGS)
    return getattr(item, "type", None), getattr(item, "meaning", None)


def _decoded(given: object) -> object:
    """Return the value of a JSON string, or anything else as it is."""
    if isinstance(given, str):
        with suppress(ValueError, RecursionError):
            return json.loads(given)
    return given
