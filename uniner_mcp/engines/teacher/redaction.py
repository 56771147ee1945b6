"""Redacting e-mail addresses, phone numbers, IBANs and keys in a text, and restoring them in mentions (pure).

In doubt, values are redacted: a number with a wrong checksum may still be a real one with a typing error. Dates, years,
prices, versions and IP addresses are kept, because entity types such as `date` depend on them.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from uniner_mcp.engines.teacher.repeats import SHORTEST, repeats

Redactable = Literal["email", "phone", "iban", "key"]
"""The kinds of values that can be redacted."""

# No expression may scan a long run again from each of its characters: runs are scanned from their first character only
# (the look-behinds), or up to a limit.

# Defined by excluded characters, so that combining marks, which `re` does not count as letters, are included.
_MARKS = r"\s\x80-\xbf\u2000-\u206f\u3000-\u303f\uff00-\uff0f\uff1a-\uff20"
_LOCAL = rf"[^{_MARKS}\x00-\x20\"(),:;<>@\[\\\]\x7f]"
_LABEL = rf"[^{_MARKS}\x00-\x2c./:-@\[-`{{-\x7f]"
_EMAIL = (
    r"://[^\s/@:]*+:[^\s/@]*+@"  # a password before a host is not an e-mail address
    rf"|(?P<email>(?<!{_LOCAL}){_LOCAL}++@(?:{_LABEL}++\.)+(?!\d){_LABEL}{{2,}}(?<!-))"
)

_IBAN_GAP = r"[ \u00a0\u202f-]"
_IBAN = (
    r"(?P<iban>(?<![^\W_])[A-Za-z]{2}\d{2}(?=(?:[A-Za-z \u00a0\u202f-]{0,12}\d){6})(?:"
    r"[A-Za-z0-9]{11,30}"
    # Four lowercase letters belong to it only before further digits: words may follow.
    rf"|(?:{_IBAN_GAP}(?:[A-Z0-9]{{4}}|(?=[a-zA-Z]{{0,3}}\d)[A-Za-z0-9]{{4}}|[a-z]{{4}}(?={_IBAN_GAP}[a-z]{{0,3}}\d)))"
    rf"{{2,7}}(?:{_IBAN_GAP}(?=[A-Za-z]{{0,2}}\d)[A-Za-z0-9]{{1,3}})?"
    r")(?![^\W_]))"
)

_GAP = r"[ .\u00a0\u2009\u202f\u2011/-]"
_YEAR = r"(?:1\d|20)\d\d"
_DAY = r"(?:0?[1-9]|[12]\d|3[01])"
_BETWEEN = r" ?[-./] ?| "
_NOT_PHONES = (
    rf"(?<!\d)(?:{_YEAR}({_BETWEEN}){_DAY}\1{_DAY}|{_DAY}({_BETWEEN}){_DAY}\2{_YEAR})(?!\d)",  # dates
    rf"(?<!\d)(?:0?[1-9]|1[0-2])[/.]{_YEAR}(?!\d|{_GAP}(?!{_YEAR})\d{{3}})",  # months
    rf"\(\d{{1,5}}\){_GAP}{_YEAR}{_GAP}{_YEAR}(?!\d)",
    r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?!\.?\d)",  # IP addresses
    r"(?<!\d)\d{7}-\d{2}\.\d{4}\.\d\.\d{2}\.\d{4}(?!\d)",  # Brazilian court cases
    r"ISBN(?:-1[03])?:?\s{0,3}(?:[- ]?\d){9,12}[- ]?[\dXx]",
)
_PHONES = (
    # International, with + or 00, followed by at most the 15 digits of E.164.
    rf"(?:\+|00(?!0))(?=(?:[ .()\u00a0\u2009\u202f\u2011/-]{{0,4}}\d){{7}}){_GAP}{{0,2}}\d{{0,4}}+{_GAP}{{0,2}}"
    rf"(?:\(\d{{1,5}}\))?(?:{_GAP}{{0,3}}\d){{4,15}}(?!\d)",
    rf"\((?!{_YEAR}\))(?:0|\d{{2,5}})\)(?:{_GAP}{{0,3}}\d){{5,12}}(?!\d)",  # the area code in brackets
    r"(?:1[-. ])?[2-9]\d{2}[-. ]\d{3}[-. ]\d{4}(?!\d|[-.]\d)",  # North America
    rf"0(?!00)\d{{1,4}}(?=(?:{_GAP}{{0,3}}\d){{5}}){_GAP}{{1,3}}\d(?:{_GAP}{{0,3}}\d){{1,10}}(?!\d)",  # national
    r"0(?!00)\d{8,11}(?!(?!x\d)\w)",
)
_PHONE = (
    rf"{'|'.join(_NOT_PHONES)}|(?P<phone>(?<![\w+])(?<!\d[.,/:-])(?<![^\W\d]-)(?:{'|'.join(_PHONES)})"
    r"(?: ?(?:x|ext\.?) ?\d{1,6})?)"
)

_CREDENTIALS = r"(?<=://)(?P<key>[^\s/:]*+:[^\s/]*)(?=@)"
_NAMED_KEY = (
    r"(?i:pass(?:word|wd|phrase)?|pwd|secret|token|(?:api|access|private|secret)[_ -]?key|auth|credential)s?[\"']?"
    r"\s{0,3}[:=]\s{0,3}[\"']?(?P<key>(?<=\")[^\"\r\n]{8,}+(?=\")|(?<=')[^'\r\n]{8,}+(?=')|[^\s\"',;<>]{8,}+)"
)
_TOKEN = r"[\w.~+/=-]"
_BEARER = (
    rf"(?i:authorization[\"']?:\s{{0,3}}[\"']?(?:basic|bearer)\s{{1,3}}(?={_TOKEN}{{8}})"
    # Ordinary words may follow "bearer", too.
    rf"|\bbearer\s{{1,3}}(?={_TOKEN}{{8}})(?={_TOKEN}{{0,40}}\d|{_TOKEN}{{20}}))(?P<key>{_TOKEN}++)"
)
_PREFIXES = (
    # Digits distinguish a key from names such as `sk-learn-contrib`.
    r"(?:(?:sk|rk|pk)[-_]|gh[a-z]_|github_pat_|glpat-|hf_|npm_|pypi-|xox[a-z]-|dop_v1_|SG\.|shpat_|AIza|ya29\.)"
    r"(?=[\w.-]{0,80}\d)[\w-][\w.-]{14,}[\w-]",
    r"A(?:KIA|SIA|GPA|IDA|ROA)[A-Z0-9]{12,}",
)
_PREFIXED = rf"(?P<key>(?<![A-Za-z0-9])(?:{'|'.join(_PREFIXES)}))"
_JWT = r"(?P<key>(?<![\w-])eyJ[\w-]{5,}+\.[\w-]{5,}+(?:\.[\w-]++)*)"
_PEM_NAME = r"[A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
_PEM = (
    rf"(?P<key>-----BEGIN {_PEM_NAME}(?:(?:(?!-----)[\s\S])*+-----END {_PEM_NAME}"
    # A block that was cut off has no end: take the lines that can belong to it.
    r"|(?:[\r\n]+(?:[A-Za-z-]+: [^\r\n]*|[A-Za-z0-9+/=]+)(?=[\r\n]|\Z)| [A-Za-z0-9+/=]{40,})*))"
)
_SIGN = r"[A-Za-z0-9_+/=-]"
_RANDOM = (
    rf"(?P<key>(?<!{_SIGN})(?={_SIGN}{{32}})(?={_SIGN}*\d)(?={_SIGN}*[a-z])(?={_SIGN}*[A-Z]){_SIGN}++"
    # Letters alone may be a DNA sequence.
    r"|(?<![0-9a-fA-F])(?=[a-fA-F]*+\d)[0-9a-fA-F]{32,}+)"
)
# `sha256=` before hexadecimal digits must not hide them, nor a name before a key: each pattern is searched separately.
_KEYS = (_CREDENTIALS, _NAMED_KEY, _BEARER, _PREFIXED, _JWT, _PEM, _RANDOM)

_PATTERNS: Mapping[Redactable, tuple[re.Pattern[str], ...]] = {
    "email": (re.compile(_EMAIL),),
    "iban": (re.compile(_IBAN),),
    "phone": (re.compile(_PHONE),),
    "key": tuple(map(re.compile, _KEYS)),
}
_PLACEHOLDER = re.compile(r"\[(?:EMAIL|PHONE|IBAN|KEY)_\d+\]", re.IGNORECASE)
# Without the brackets: a placeholder must not replace a value that looks like one either.
_TAKEN = re.compile(r"(?:EMAIL|PHONE|IBAN|KEY)_\d+", re.IGNORECASE)


class _Find(NamedTuple):
    start: int
    end: int
    kind: Redactable


@dataclass(frozen=True, slots=True)
class Redacted:
    """A text with placeholders such as `[EMAIL_1]`, and the values that they replace."""

    text: str
    originals: Mapping[str, str]

    def restored(self, mention: str) -> str:
        """Return a part of the redacted text with the original values; the case of placeholders is ignored."""
        return _PLACEHOLDER.sub(lambda found: self.originals.get(found[0].upper(), found[0]), mention)


def redact(text: str, kinds: Collection[Redactable]) -> Redacted:
    """Replace all values of these kinds by placeholders; the same value gets the same placeholder.

    Values of at least `SHORTEST` characters are replaced at every occurrence, shorter ones where a pattern finds them.
    """
    taken = {name.upper() for name in _TAKEN.findall(text)}
    counts: defaultdict[Redactable, int] = defaultdict(int)
    placeholders: dict[str, str] = {}
    parts: list[str] = []
    end = 0
    for find in _finds(text, kinds):
        value = text[find.start : find.end]
        if value not in placeholders:
            placeholders[value] = _free(find.kind, counts, taken)
        parts += [text[end : find.start], placeholders[value]]
        end = find.end
    redacted = "".join([*parts, text[end:]])
    return Redacted(redacted, {placeholder: value for value, placeholder in placeholders.items()})


def _finds(text: str, kinds: Collection[Redactable]) -> list[_Find]:
    """Return all values to redact, in order.

    Overlapping finds are merged, because the rest of a secret is still secret; the earliest and then longest one
    determines the kind.
    """
    formed = [
        _Find(*found.span(found.lastgroup), kind)
        for kind in kinds
        for pattern in _PATTERNS[kind]
        for found in pattern.finditer(text)
        if found.lastgroup is not None
    ]
    merged: list[_Find] = []
    for find in sorted({*formed, *_again(text, formed)}, key=lambda find: (find.start, -find.end, find.kind)):
        if merged and find.start < merged[-1].end:
            merged[-1] = merged[-1]._replace(end=max(merged[-1].end, find.end))
        else:
            merged.append(find)
    return merged


def _again(text: str, finds: Iterable[_Find]) -> Iterator[_Find]:
    """Yield all occurrences of the values, also without the context that revealed them (such as `password=`)."""
    known = {(find.start, find.end): find for find in finds if find.end - find.start >= SHORTEST}
    for start, value in repeats(text, known):
        yield known[value]._replace(start=start, end=start + value[1] - value[0])


def _free(kind: Redactable, counts: defaultdict[Redactable, int], taken: Collection[str]) -> str:
    """Return the next placeholder that does not occur in the text."""
    counts[kind] += 1
    while (name := f"{kind.upper()}_{counts[kind]}") in taken:
        counts[kind] += 1
    return f"[{name}]"
