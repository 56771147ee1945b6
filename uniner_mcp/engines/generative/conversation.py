"""The conversation in which a generative model is asked a question (pure).

The prompts are byte for byte those of the released UniNER models: `src/conversation.py` and `src/utils.py` of
github.com/universal-ner/universal-ner, and arXiv 2308.03279, section 3.2, for the form that names a data set.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_VALUE = re.compile(r"\{(\w+)\}")
# Strings that the tokenizers of common model families treat as special tokens anywhere in a text.
_MARKER = r"<\|[^<|>\s]{1,40}\|>|</?s>|<(?:unk|pad|bos|eos)>|</?(?:start|end)_of_turn>|\[/?INST\]|<</?SYS>>"
_JOINER = "\u2060"


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a prompt: one of the model's special tokens, or plain text that must not be encoded as one."""

    text: str
    special: bool = False


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a chat: `role` is system, user or assistant."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """The prompt of one question, in each form that an engine can send.

    pieces: for engines that tokenize; plain pieces must be encoded without special tokens.
    messages: for servers that apply a chat template.
    """

    pieces: tuple[Piece, ...]
    messages: tuple[Message, ...]

    @property
    def text(self) -> str:
        """The prompt for servers that accept a string."""
        return "".join(piece.text for piece in self.pieces)


class Conversation:
    """Turns questions into prompts for a model.

    `template` is the whole prompt up to the answer, `messages` is the same as a chat; either may be missing. `{text}`,
    `{type}` and the names in `values` are replaced. `special_tokens` are those of the model: in the template they are
    special, in a text they are plain words.
    """

    def __init__(
        self,
        template: str | None,
        messages: Sequence[Message] = (),
        special_tokens: Sequence[str] = (),
        values: Mapping[str, str] | None = None,
    ) -> None:
        special = "|".join(map(re.escape, sorted(special_tokens, key=len, reverse=True)))
        parts = re.split(f"({special})", template or "") if special else [template or ""]
        self._pieces = [Piece(part, number % 2 == 1) for number, part in enumerate(parts) if part]
        self._messages = messages
        self._values = values or {}
        self._markers = re.compile(f"{special}|{_MARKER}" if special else _MARKER)

    def tokens_prompt(self, text: str, wording: str) -> Prompt:
        """Return the prompt for an engine that encodes plain pieces without special tokens. `text` is not changed."""
        return self._filled({**self._values, "text": text, "type": wording})

    def string_prompt(self, text: str, wording: str) -> Prompt:
        """Return the prompt for a server that tokenizes on its own.

        A word joiner (U+2060) breaks special tokens in the caller's strings, so that they are treated as text.
        """
        broken = {name: self._broken(value) for name, value in {"text": text, "type": wording}.items()}
        return self._filled({**self._values, **broken})

    def mended(self, answer: str) -> str:
        """Remove the word joiners of `string_prompt` from an answer that contains a special token."""
        return answer.replace(_JOINER, "") if self._markers.search(answer.replace(_JOINER, "")) else answer

    def _broken(self, value: str) -> str:
        return self._markers.sub(lambda marker: marker[0][0] + _JOINER + marker[0][1:], value)

    def _filled(self, values: Mapping[str, str]) -> Prompt:
        # In one pass, so that braces inside a value are not replaced.
        def fill(text: str) -> str:
            return _VALUE.sub(lambda name: values[name[1]], text)

        pieces = tuple(piece if piece.special else Piece(fill(piece.text)) for piece in self._pieces)
        return Prompt(pieces, tuple(Message(turn.role, fill(turn.content)) for turn in self._messages))


def read_messages(chat: str) -> tuple[Message, ...]:
    """Return the turns of a chat prompt: lines `role: content`, continued on lines that begin with two spaces.

    Raises ValueError if a line is neither.
    """
    turns = [line.partition(": ") for line in re.split(r"\n(?!  )", chat)]
    if any(role not in ("system", "user", "assistant") or not content for role, _, content in turns):
        raise ValueError("each line of a chat must begin with `system: `, `user: ` or `assistant: `")
    return tuple(Message(role, content.replace("\n  ", "\n")) for role, _, content in turns)
