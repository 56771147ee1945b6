"""Atoms: the units of text that a mention never divides, in every script."""

from __future__ import annotations

import regex

# What `str.isspace` calls a space: in `regex`, \s leaves the ASCII separators out.
SPACE = r"[\s\x1c-\x1f]"
"""Pattern of one white-space character."""
_EXTENDER = r"[\p{GCB=Extend}\p{GCB=SpacingMark}\p{GCB=ZWJ}]"
# Flags come first because \X takes quadratic time on a run of them.
CLUSTER = rf"(?:\p{{RI}}{{2}}{_EXTENDER}*+|\X)"
"""Pattern of one grapheme cluster (UAX #29)."""
UNSPACED = (
    r"\p{Han}\p{Hiragana}\p{scx=Katakana}\p{Bopomofo}\p{Yi}\p{Hangul}"
    r"\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}\p{Javanese}"
)
"""Character class: scripts without spaces between words, and Hangul, which joins particles to names (UAX #24)."""
ATOMS = regex.compile(rf"{SPACE}++|[\w--[{UNSPACED}]]++{_EXTENDER}*+|{CLUSTER}", regex.VERSION1)
"""An atom: a run of spaces, a word, or else a grapheme cluster. The scripts in `UNSPACED` have clusters, not words."""
EXTENDERS = regex.compile(rf"{_EXTENDER}++")
"""Marks that belong to the character before them: a mention must not leave them behind."""
