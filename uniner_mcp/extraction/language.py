"""Detect whether a passage is in English, for engines that read nothing else (pure).

A rule of thumb, cheap enough for every passage: the script of the letters, and the function words of some twenty
languages. In doubt a passage counts as English: names, code, numbers and short queries have no function words.
`benchmarks/languages.py` measures it. Libraries guess a language for any text, and take seconds to load.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files

import regex

_WORD = regex.compile(r"\p{L}[\p{L}\p{M}]*+")
_LETTER = regex.compile(r"\p{L}")
_FOREIGN_LETTER = regex.compile(r"[\p{L}--\p{Latin}]", regex.VERSION1)
_LINE = 20
"""Letters from which on a line is also judged on its own."""
ENGLISH = "en"
_EVIDENCE = 2
"""Fewest words of another language. They must also be more than twice as many as those of English."""


def is_english(text: str) -> bool:
    """Return False if `text`, or a line of it, is in another script or in another language in Latin script."""
    return all(map(_seems_english, _parts(text)))


def _parts(text: str) -> Iterator[str]:
    yield text
    lines = text.splitlines()
    if len(lines) > 1:
        yield from (line for line in lines if len(_LETTER.findall(line)) >= _LINE)


def _seems_english(text: str) -> bool:
    letters = len(_LETTER.findall(text))
    if len(_FOREIGN_LETTER.findall(text)) * 2 > letters:
        return False
    words = _WORD.findall(text)
    # In English, words with other letters than a to z are names.
    marked = sum(word.islower() for word in words if not word.isascii())
    known = _languages_by_word()
    counts = Counter(language for word in words for language in known.get(word.casefold(), ()))
    english = counts.pop(ENGLISH, 0)
    foreign = max(counts.values(), default=0) + marked
    return foreign < _EVIDENCE or foreign <= 2 * english


@cache
def _languages_by_word() -> Mapping[str, tuple[str, ...]]:
    """The languages that have a function word."""
    table = tomllib.loads(files("uniner_mcp.extraction").joinpath("languages.toml").read_text("utf-8"))
    languages: dict[str, list[str]] = {}
    for language, words in table.items():
        for word in words.split():
            languages.setdefault(word, []).append(language)
    return {word: tuple(of_word) for word, of_word in languages.items()}
