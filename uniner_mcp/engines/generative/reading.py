"""Parsing a model's answer, a list of strings, and the confidence of each (pure).

The strict form is a JSON list. Other forms that models generate are parsed too: text around the list, single or curly
quotes, unquoted words, a list that was cut off, `None`. Anything else raises Unreadable; nothing is guessed.

A model may write anything, without end: all expressions are linear, and no parser here is recursive.
"""

from __future__ import annotations

import json
import math
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from uniner_mcp.engines.base import Mention

_NOTHING = re.compile(r"(?:none|null|n/a|no (?:mentions?|entit(?:y|ies)))?[.!]?", re.IGNORECASE)
_TURN = "ASSISTANT:"
_NO_LIST = "the model's answer is not a list"
_DEEPEST = 16
"""Lists and objects inside each other, above which an answer is noise: the forms that models use have two or three."""
_JSON_STRING = r'"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4}))*+"'
_JSON_STRINGS = re.compile(_JSON_STRING)
_JSON_SPACE = r"[ \t\n\r]*+"
_JSON_LIST = re.compile(
    rf"\[{_JSON_SPACE}(?:{_JSON_STRING}{_JSON_SPACE}(?:,{_JSON_SPACE}{_JSON_STRING}{_JSON_SPACE})*+)?\]"
)
_KEY_END = re.compile(r"\s*+:")
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
        raise Unreadable(_NO_LIST)
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
    listed = _JSON_LIST.match(written, opened)
    if listed is None:
        return None
    items: list[str] = json.loads(listed[0])
    found = _JSON_STRINGS.finditer(written, *listed.span())
    return [_Said(item, match.start() + 1, match.end()) for item, match in zip(items, found, strict=True)]


def _loose(written: str, opened: int) -> tuple[list[_Said], bool]:
    """Return the items of anything that looks like a list, and whether its end is missing. Raises Unreadable."""
    said: list[_Said] = []
    place, depth = opened, 0
    while place < len(written):
        if (mark := written[place]) in "[{":
            depth += 1
            if depth > _DEEPEST:
                raise Unreadable(_NO_LIST)
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
    if _KEY_END.match(written, item.end()) or (kind == "bare" and (_NOTHING.fullmatch(text) or ":" in text)):
        return
    quoted = kind != "bare"
    yield _Said(_unescaped(text), item.start() + quoted, item.end())


def _unescaped(text: str) -> str:
    try:
        return str(json.loads(f'"{text}"', strict=False))
    except ValueError:
        return _ESCAPE.sub(r"\1", text)


class _Certainty:
    """The confidence of each part of an answer. The parts of a whole answer together take linear time."""

    def __init__(self, written: str, tokens: Sequence[Token] | None) -> None:
        placed = _placed(_bytes(written), tokens) if tokens else None
        self._logprobs = [token.logprob for token in tokens or ()]
        self._starts, self._ends = placed or ([], [])
        # The offset in bytes of each character, if there are offsets at all.
        self._bytes = list(accumulate((len(_bytes(character)) for character in written), initial=0)) if placed else None

    def of(self, said: _Said) -> float | None:
        """Return the probability of the tokens that overlap the part."""
        if self._bytes is None:
            return None
        first = bisect_right(self._ends, self._bytes[said.start])
        last = bisect_left(self._starts, self._bytes[said.end])
        return round(math.exp(min(0.0, sum(self._logprobs[first:last]))), 4)


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogatepass")


def _placed(written: bytes, tokens: Sequence[Token]) -> tuple[list[int], list[int]] | None:
    """Return the start and the end of each token of the answer, in bytes; None if the tokens do not spell it.

    vLLM's server decodes tokens one by one, so that some lose their first space. Tokens after the answer are the stop
    string.
    """
    starts: list[int] = []
    ends: list[int] = []
    place = 0
    for token in tokens:
        if place == len(written):
            break
        space = written[place : place + 1] == b" " and not written.startswith(token.text, place)
        if not written.startswith(token.text, place + space):
            return None
        starts.append(place)
        place += space + len(token.text)
        ends.append(place)
    return (starts, ends) if place == len(written) else None
