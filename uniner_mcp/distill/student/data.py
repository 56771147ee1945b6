"""Training conversations as token ids of a causal student (pure except for the tokenizer).

A row has the reference implementation's format: `{"id", "conversations": [{"from": "human" | "gpt", "value"}, …]}`,
with the text and its acknowledgement first, then a question and its answer for each type (UniversalNER, arXiv
2308.03279, section 3.2). The text around the turns is that of `prompts/uniner.txt`: a student is asked as it was
trained.
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
"""Label of tokens without loss."""
_TEXT, _SPECIAL = "{text}", "</s>"


class _Turn(BaseModel):
    speaker: Literal["human", "gpt"] = Field(alias="from")
    value: str


class Row(BaseModel):
    """One conversation: at least two pairs of turns, first human, then gpt."""

    id: str
    conversations: list[_Turn] = Field(min_length=4)

    def pairs(self) -> list[tuple[str, str]]:
        """Return questions with their answers; the first pair contains the text and its acknowledgement."""
        turns = self.conversations
        return [(question.value, answer.value) for question, answer in zip(turns[::2], turns[1::2], strict=True)]


@dataclass(frozen=True, slots=True)
class Example:
    """Token ids and labels. Only the answers, with the token that ends them, have labels that carry loss.

    dropped: number of answers that did not fit the maximum length.
    """

    ids: list[int]
    labels: list[int]
    dropped: int


def read_rows(path: Path) -> Iterator[Row]:
    """Yield the rows of a JSON Lines file. Raises RequestError, with file and line, if one is not a conversation."""
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                row = Row.model_validate(orjson.loads(line))
                speakers = [turn.speaker for turn in row.conversations]
                if speakers != ["human", "gpt"] * (len(speakers) // 2):
                    raise ValueError("the turns do not alternate")
                yield row
            except (orjson.JSONDecodeError, ValidationError, ValueError):
                raise RequestError(
                    f"{path}, line {number}: expected a conversation that alternates human and gpt."
                ) from None


def student_template(end: str) -> str:
    """Return the prompt template of a student whose tokenizer ends a turn with the token `end`, for its profile."""
    return load_prompt("uniner").template.replace(_SPECIAL, end)


def encode(tokenizer: Any, pairs: Sequence[tuple[str, str]], longest: int) -> Example | None:
    """Return a conversation as ids, without the answers that do not fit `longest`; None if no answer fits.

    Plain text is encoded without special tokens, piece by piece, as every engine does when it asks.
    """
    end = tokenizer.eos_token_id
    preamble = load_prompt("uniner").template.partition("USER:")[0]
    (text, acknowledged), *questions = pairs
    ids = [*_beginning(tokenizer), *_plain(tokenizer, f"{preamble}USER: {text} ASSISTANT: {acknowledged}"), end]
    labels = [IGNORED] * len(ids)
    kept = 0
    for asked, answered in questions:
        question = _plain(tokenizer, f"USER: {asked} ASSISTANT:")
        answer = [*_answer(tokenizer, question, answered), end]
        if len(ids) + len(question) + len(answer) > longest:
            continue  # A shorter one may still fit.
        ids += question + answer
        labels += [IGNORED] * len(question) + answer
        kept += 1
    return Example(ids, labels, len(questions) - kept) if kept else None


def _plain(tokenizer: Any, text: str) -> list[int]:
    return tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]


def _answer(tokenizer: Any, question: list[int], answered: str) -> list[int]:
    """Return the ids of an answer after its question, with one space between, which some tokenizers add themselves."""
    ids = _plain(tokenizer, answered)
    if tokenizer.decode(question + ids).endswith(f": {answered}"):
        return ids
    return _plain(tokenizer, f" {answered}")


def _beginning(tokenizer: Any) -> list[int]:
    """Return the token that the tokenizer adds at the beginning, if any."""
    first = tokenizer("")["input_ids"][:1]
    return first if first == [tokenizer.bos_token_id] else []
