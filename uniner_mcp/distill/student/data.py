"""Training conversations as token ids of a causal student (pure but for the tokenizer).

A row is that of the reference implementation: `{"id", "conversations": [{"from": "human" | "gpt", "value"}, …]}`,
the text and its acknowledgement first, then a question and its answer for each type (UniversalNER, arXiv 2308.03279,
section 3.2). The words around the turns are those of `prompts/uniner.txt`: a student is asked as it was trained.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import orjson
from pydantic import BaseModel, Field, ValidationError

from uniner_mcp.errors import RequestError
from uniner_mcp.shipped import load_prompt

IGNORED = -100
"""Label of tokens that carry no loss."""
_TEXT, _SPECIAL = "{text}", "</s>"


class _Turn(BaseModel):
    speaker: Literal["human", "gpt"] = Field(alias="from")
    value: str


class Row(BaseModel):
    """One conversation: an even number of turns, human and gpt in turn, at least two pairs."""

    id: str
    conversations: list[_Turn] = Field(min_length=4)

    def pairs(self) -> list[tuple[str, str]]:
        """What is asked and answered; the first pair holds the text and its acknowledgement."""
        turns = self.conversations
        return [(asked.value, said.value) for asked, said in zip(turns[::2], turns[1::2], strict=True)]


@dataclass(frozen=True, slots=True)
class Example:
    """Token ids, and the same as labels where they carry loss: the answers and the token that ends them.

    dropped: answers that did not fit the longest sequence.
    """

    ids: list[int]
    labels: list[int]
    dropped: int


def read_rows(path: Path) -> Iterator[Row]:
    """Read JSON lines, one at a time. Raises RequestError with file and line where one is no conversation."""
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                row = Row.model_validate(orjson.loads(line))
                speakers = [turn.speaker for turn in row.conversations]
                if speakers != ["human", "gpt"] * (len(speakers) // 2):
                    raise ValueError("the turns do not alternate")
                yield row
            except (orjson.JSONDecodeError, ValidationError, ValueError):
                raise RequestError(f"{path}, line {number}: not a conversation of human and gpt in turn.") from None


def student_template(end: str) -> str:
    """The prompt of a student whose tokenizer ends a turn with the token `end`, for its profile."""
    return load_prompt("uniner").template.replace(_SPECIAL, end)


def encode(tokenizer: Any, pairs: Sequence[tuple[str, str]], longest: int) -> Example | None:
    """A conversation as ids, cut after the last answer that fits `longest`; None where not even one fits.

    Plain words are encoded without special tokens, piece by piece, as every engine does when it asks.
    """
    end = tokenizer.eos_token_id
    preamble = load_prompt("uniner").template.partition("USER:")[0]
    (text, acknowledged), *questions = pairs
    ids = [*_beginning(tokenizer), *_plain(tokenizer, f"{preamble}USER: {text} ASSISTANT: {acknowledged}"), end]
    labels = [IGNORED] * len(ids)
    kept = 0
    for asked, said in questions:
        question = _plain(tokenizer, f"USER: {asked} ASSISTANT:")
        answer = [*_answer(tokenizer, question, said), end]
        if len(ids) + len(question) + len(answer) > longest:
            continue  # A shorter one may still fit.
        ids += question + answer
        labels += [IGNORED] * len(question) + answer
        kept += 1
    return Example(ids, labels, len(questions) - kept) if kept else None


def _plain(tokenizer: Any, text: str) -> list[int]:
    return tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]


def _answer(tokenizer: Any, question: list[int], said: str) -> list[int]:
    """The ids of an answer after its question, with one space between: some tokenizers put it there by themselves."""
    ids = _plain(tokenizer, said)
    if tokenizer.decode(question + ids).endswith(f": {said}"):
        return ids
    return _plain(tokenizer, f" {said}")


def _beginning(tokenizer: Any) -> list[int]:
    """The token that the tokenizer puts at the beginning by itself, if it does."""
    first = tokenizer("")["input_ids"][:1]
    return first if first == [tokenizer.bos_token_id] else []
