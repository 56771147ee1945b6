"""Parsing a model's answer, a list of strings, and the confidence of each (pure).

The strict form is a JSON list. Other forms that models generate are parsed too: text around the list, single or curly
quotes, unquoted words, a list that was cut off, `None`. Anything else raises Unreadable; nothing is guessed.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

from uniner_mcp.engines.base import Mention

_NOTHING = re.compile(r"(?:none|null|n/a|no (?:mentions?|entit(?:y|ies)))?[.!]?", re.IGNORECASE)
_TURN = "ASSISTANT:"
_JSON_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
# A string ends at a quote before a comma, a bracket or the end: O'Brien may be in single quotes.
_LOOSE_ITEM = re.compile(
    r"""
    "(?P<double>(?:[^"\\]|\\.)*)" | '(?P<single>(?:[^'\\]|\\.|'(?!\s*[,\]]|\s*$))*)' | “(?P<curly>[^”]*)”
    | (?P<open>["'“].*) | (?P<bare>[^\s,\[\]{}"'“](?:[^,\[\]{}"“\n]*[^\s,\[\]{}"“])?)
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


class Unreadable(ValueError):
    """An answer without a list of strings."""


@dataclass(frozen=True, slots=True)
class Token:
    """A generated token, with the natural logarithm of its probability."""

    text: bytes
    logprob: float


@dataclass(frozen=True, slots=True)
class Reading:
    """The mentions of an answer, without duplicates; `cut` is true if the list has no end."""

    mentions: tuple[Mention, ...]
    cut: bool


@dataclass(frozen=True, slots=True)
class _Said:
    """A string, and the part of the answer that determines it, including the closing quote."""

    text: str
    start: int
    end: int


def read_answer(written: str, tokens: Sequence[Token] | None = None) -> Reading:
    """Return the mentions in the output of a model.

    With `tokens`, the tokens of `written`, the confidence of a mention is the product of the probabilities of the
    tokens from its first character to its closing quote. That is the probability that sampling at this position yields
    exactly this string. Servers differ in whether tokens that a grammar forbids have a share in these probabilities.
    Without tokens, or if they do not spell the answer, the confidence is None.

    Raises Unreadable.
    """
    # Some models repeat the beginning of the turn; inside a list it is a mention like any other.
    repeats = _TURN in written and not written.lstrip().startswith("[")
    start = written.rfind(_TURN) + len(_TURN) if repeats else 0
    opened = written.find("[", start)
    if opened < 0:
        answer = written[start:].strip().strip("\"'")
        if answer and _NOTHING.fullmatch(answer):
            return Reading((), cut=False)
        raise Unreadable("the model's answer is not a list")
    strict = _strict(written, opened)
    said, cut = (strict, False) if strict is not None else _loose(written, opened)
    sure = _Certainty(written, tokens)
    best: dict[str, float | None] = {}
    for string in said:
        text = string.text.strip()
        confidence = sure.of(string)
        if text and (text not in best or (confidence or 0) > (best[text] or 0)):
            best[text] = confidence
    return Reading(tuple(Mention(text, confidence=confidence) for text, confidence in best.items()), cut)


def _strict(written: str, opened: int) -> list[_Said] | None:
    """Return the strings of the JSON list of strings that begins at `opened`, or None if there is no such list."""
    try:
        value, end = json.JSONDecoder().raw_decode(written, opened)
    except ValueError:
        return None
    items = cast("list[object]", value)
    if not all(isinstance(item, str) for item in items):
        return None
    found = [(match.start(), match.end()) for match in _JSON_STRING.finditer(written, opened, end)]
    return [_Said(str(item), start + 1, stop) for item, (start, stop) in zip(items, found, strict=True)]


def _loose(written: str, opened: int) -> tuple[list[_Said], bool]:
    """Return the items of anything that looks like a list, and whether its end is missing."""
    said: list[_Said] = []
    place, depth = opened, 0
    while place < len(written):
        if (mark := written[place]) in "[{":
            depth += 1
        elif mark in "]}":
            depth -= 1
            if depth == 0:
                return said, False
        elif item := _LOOSE_ITEM.match(written, place):
            if item["open"] is not None:
                return said, True
            said.extend(_items(item, written))
            place = item.end()
            continue
        place += 1
    return said, True


def _items(item: re.Match[str], written: str) -> Iterator[_Said]:
    """Yield the item as a string, unless it is the key of an object or means that there are no mentions."""
    kind = item.lastgroup or ""
    text = item[kind]
    if written[item.end() :].lstrip().startswith(":") or (kind == "bare" and (_NOTHING.fullmatch(text) or ":" in text)):
        return
    quoted = kind != "bare"
    yield _Said(_unescaped(text), item.start() + quoted, item.end())


def _unescaped(text: str) -> str:
    try:
        return str(json.loads(f'"{text}"', strict=False))
    except ValueError:
        return _ESCAPE.sub(r"\1", text)


class _Certainty:
    """The confidence of each part of an answer."""

    def __init__(self, written: str, tokens: Sequence[Token] | None) -> None:
        self._written = written
        self._placed = _placed(written.encode(), tokens) if tokens else None

    def of(self, said: _Said) -> float | None:
        """Return the probability of the tokens that overlap the part."""
        if self._placed is None:
            return None
        start, end = (len(self._written[:place].encode()) for place in (said.start, said.end))
        total = sum(logprob for first, last, logprob in self._placed if first < end and last > start)
        return round(min(1.0, math.exp(total)), 4)


def _placed(written: bytes, tokens: Sequence[Token]) -> list[tuple[int, int, float]] | None:
    """Return start and end of each token in the answer, with its log probability; None if they do not spell it.

    vLLM's server decodes tokens one by one, so that some lose their first space. Tokens after the answer are the stop
    string.
    """
    placed: list[tuple[int, int, float]] = []
    place = 0
    for token in tokens:
        if place == len(written):
            break
        space = written[place : place + 1] == b" " and not written.startswith(token.text, place)
        end = place + space + len(token.text)
        if not written.startswith(token.text, place + space):
            return None
        placed.append((place, end, token.logprob))
        place = end
    return placed if place == len(written) else None
