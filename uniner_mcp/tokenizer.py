"""The word-piece tokenizer of the encoders."""

from __future__ import annotations

from pathlib import Path

from tokenizers import Tokenizer


def load_tokenizer(path: Path) -> Tokenizer:
    """Load a word-piece tokenizer without padding or truncation, so that no part of a passage is cut off silently."""
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    # "[SEP]" in a text is five characters, not a separator.
    tokenizer.encode_special_tokens = True
    return tokenizer
