"""Taking e-mail addresses, phone numbers, IBANs and keys out of a text, and putting them back into mentions (pure).

Rather too much than too little is taken: a number with a wrong checksum is still one that somebody meant. Dates, years,
prices, versions and addresses of machines stay, since entity types such as `date` depend on them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

Redactable = Literal["email", "phone", "iban", "key"]
"""What can be taken out."""

_EMAIL = r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}@(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,8}[^\W\d_][\w-]{1,62}"
_IBAN = r"(?<![^\W_])[A-Za-z]{2}\d{2}(?:[ \u00a0]?[A-Za-z0-9]{4}){2,7}(?:[ \u00a0]?[A-Za-z0-9]{1,3})?(?![^\W_])"

_GAP = r"[ .\u00a0/-]"
_PHONES = (
    rf"(?:\+|(?<!\d)00){_GAP}?\(?\d{{1,4}}\)?(?:{_GAP}?\(?\d{{1,5}}\)?){{1,6}}",  # international: + or 00
    rf"\(\d{{2,5}}\)(?:{_GAP}?\d{{2,5}}){{1,4}}",  # the area code in brackets
    r"\d{3}[-. ]\d{3}[-. ]\d{4}",  # North America
    r"\d{3}-\d{4}",
    rf"0\d{{1,4}}{_GAP}{{1,3}}\d{{2,8}}(?:{_GAP}?\d{{1,5}}){{0,4}}",  # national, with its leading 0
    r"0\d{8,11}",
)
_PHONE = rf"(?<![\w.+-])(?<!\d/)(?:{'|'.join(_PHONES)})(?![\w-]|\.\d)"
_DIGITS = range(7, 18)
"""Digits of a phone number (E.164 allows 15, and 00 may stand before them)."""
_NOT_A_PHONE = re.compile(
    r"\d{1,4}([-./])\d{1,2}\1\d{1,4}"  # a date
    r"|\d{1,3}(?:\.\d{1,3}){3}"  # the address of a machine
)

_KEYS = (
    r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----(?:(?!-----)[\s\S]){0,20000}(?:-----END [A-Z ]{0,40}PRIVATE KEY-----)?",
    r"(?<=://)[^\s/@:]{1,200}:[^\s/@]{1,200}(?=@)",  # user and password in an address
    r"(?i:(?<=bearer )|(?<=basic ))[\w.~+/=-]{8,2000}",
    r"(?<![A-Za-z0-9])(?:sk|rk|pk)[-_][\w-]{16,500}",
    r"(?<![A-Za-z0-9])(?:gh[a-z]_|github_pat_|glpat-|hf_|npm_|pypi-|xox[a-z]-|dop_v1_|SG\.|shpat_|AIza|ya29\.)[\w.-]{16,500}",
    r"(?<![A-Za-z0-9])A(?:KIA|SIA|GPA|IDA|ROA)[A-Z0-9]{12,124}",
    r"(?<![\w-])eyJ[\w-]{5,4000}\.[\w-]{5,4000}(?:\.[\w-]{0,4000}){0,3}",  # a JSON web token
)
_KEY = "|".join(_KEYS)
_NAMED_KEY = (
    r"(?i:pass(?:word|wd|phrase)?|secret|token|api[_-]?key|access[_-]?key|auth|credential)s?[\"']?\s{0,3}[:=]\s{0,3}[\"']?"
    r"([^\s\"',;<>]{8,2000})"
)
_LONG = re.compile(r"[A-Za-z0-9_+/=-]{32,5000}")
_HEX = re.compile(r"[0-9a-fA-F]{32,}")

_PATTERNS: Mapping[Redactable, re.Pattern[str]] = {
    "email": re.compile(_EMAIL),
    "iban": re.compile(_IBAN),
    "phone": re.compile(_PHONE),
    "key": re.compile(f"{_KEY}|{_NAMED_KEY}"),
}
_PLACEHOLDER = re.compile(r"\[(?:EMAIL|PHONE|IBAN|KEY)_\d+\]", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Redacted:
    """A text with placeholders such as `[EMAIL_1]`, and what stood in their places."""

    text: str
    originals: Mapping[str, str]

    def restored(self, mention: str) -> str:
        """A stretch of the redacted text as it stands in the original; letter case of placeholders does not matter."""
        return _PLACEHOLDER.sub(lambda found: self.originals.get(found[0].upper(), found[0]), mention)


def redact(text: str, kinds: Collection[Redactable]) -> Redacted:
    """Put a placeholder in the place of everything of these kinds; the same value gets the same placeholder."""
    taken = {placeholder.upper() for placeholder in _PLACEHOLDER.findall(text)}
    placeholders: dict[str, str] = {}
    parts: list[str] = []
    end = 0
    for kind, (start, stop) in _finds(text, kinds):
        value = text[start:stop]
        if value not in placeholders:
            placeholders[value] = _free(kind, taken)
        parts += [text[end:start], placeholders[value]]
        end = stop
    redacted = "".join([*parts, text[end:]])
    return Redacted(redacted, {placeholder: value for value, placeholder in placeholders.items()})


def _finds(text: str, kinds: Collection[Redactable]) -> list[tuple[Redactable, tuple[int, int]]]:
    """Where something stands, in order; finds that overlap are one, of the kind of the first."""
    merged: list[tuple[Redactable, tuple[int, int]]] = []
    finds: list[tuple[tuple[int, int], Redactable]] = [(span, kind) for kind in kinds for span in _spans(text, kind)]
    for (start, end), kind in sorted(finds):
        if merged and start < merged[-1][1][1]:
            first, (begin, stop) = merged.pop()
            merged.append((first, (begin, max(stop, end))))
        else:
            merged.append((kind, (start, end)))
    return merged


def _spans(text: str, kind: Redactable) -> Iterator[tuple[int, int]]:
    for found in _PATTERNS[kind].finditer(text):
        if kind == "phone":
            value = found[0]
            if sum(letter.isdigit() for letter in value) not in _DIGITS or _NOT_A_PHONE.fullmatch(value):
                continue
        yield found.span(1) if found.lastindex else found.span()
    if kind == "key":
        yield from (found.span() for found in _LONG.finditer(text) if _is_random(found[0]))


def _is_random(token: str) -> bool:
    """Whether a long token looks drawn by lot: hexadecimal, or digits among letters of both cases."""
    if _HEX.fullmatch(token):
        return not token.isalpha()
    return all(any(map(test, token)) for test in (str.isdigit, str.islower, str.isupper))


def _free(kind: Redactable, taken: set[str]) -> str:
    """The next placeholder that does not stand in the text."""
    number = 1
    while (placeholder := f"[{kind.upper()}_{number}]") in taken:
        number += 1
    taken.add(placeholder)
    return placeholder
