"""The evaluation files of the reference implementation, and its way of parsing answers.

Source: `src/eval/` of github.com/universal-ner/universal-ner. A file is a JSON list of rows; a row has `conversations`,
turns of `{"from": "human" | "gpt", "value": …}`. The last turn contains the gold mentions as a JSON list.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from pydantic import BaseModel, Field, ValidationError

from uniner_mcp.errors import RequestError
from uniner_mcp.formats.documents import Document, Span
from uniner_mcp.formats.reading.files import beginning, misread, text_of

_TEXT = re.compile(r"Text: (.*)", re.DOTALL)
_QUESTION = re.compile(r"What describes (.*) in the text\?", re.DOTALL)
_LIST = re.compile(r"\[.*?\]")
_TURN = "ASSISTANT:"


class _Turn(BaseModel):
    value: str


class _Row(BaseModel):
    conversations: list[_Turn] = Field(min_length=4, max_length=4)


@dataclass(frozen=True, slots=True)
class ReferenceRow:
    """One question of an evaluation file; `gold` is the answer as written in the file."""

    text: str
    type: str
    gold: str


def is_reference(path: Path) -> bool:
    """Whether a JSON file is a list of conversations."""
    head = beginning(path).lstrip()
    return head.startswith(b"[") and b'"conversations"' in head


def read_reference(path: Path) -> list[ReferenceRow]:
    """Read the questions of an evaluation file. Raises RequestError, which names the first invalid row."""
    try:
        rows = cast("list[object]", json.loads(text_of(path)))
    except (json.JSONDecodeError, RecursionError):
        raise RequestError(f"{path} is not valid JSON.") from None
    questions: list[ReferenceRow] = []
    for number, row in enumerate(rows):
        try:
            passage, _, question, gold = (turn.value for turn in _Row.model_validate(row).conversations)
        except ValidationError:
            raise misread(path, f"row {number}", "expected a conversation of four turns.") from None
        text, asked = _TEXT.fullmatch(passage), _QUESTION.fullmatch(question)
        if text is None or asked is None:
            raise misread(path, f"row {number}", "expected a text and a question in the wording of UniNER.")
        questions.append(ReferenceRow(text[1], asked[1], gold))
    return questions


def reference_documents(path: Path) -> list[Document]:
    """Return the passages of an evaluation file, with the types that are asked for each.

    The rows of a passage stand together, and every row is in one document: a text that is repeated is repeated here
    too, because the reference counts it again. The file has strings but no offsets: each mention is placed at its first
    occurrence in the passage. A mention that is not in the passage, which none of our engines can find, gets an empty
    span at the beginning and counts like the others.
    """
    passages: list[tuple[str, dict[str, list[str]]]] = []
    latest: dict[str, dict[str, list[str]]] = {}
    for row in read_reference(path):
        if row.text not in latest or row.type in latest[row.text]:
            latest[row.text] = {}
            passages.append((row.text, latest[row.text]))
        latest[row.text][row.type] = reference_mentions(row.gold)
    return [
        Document(
            str(number),
            text,
            tuple(_placed(text, kind, mention) for kind, found in types.items() for mention in found),
            tuple(types),
        )
        for number, (text, types) in enumerate(passages)
    ]


def _placed(text: str, kind: str, mention: str) -> Span:
    start = text.find(mention)
    return Span(mention, kind, max(start, 0), start + len(mention) if start >= 0 else 0)


def reference_mentions(written: str) -> list[str]:
    """Return the mentions that the reference finds in an answer; it is stricter than our parser in production.

    After the last `ASSISTANT:`, the answer must begin with a bracket. The list ends at the first closing bracket on the
    same line, even inside a string, and is void unless it is then valid JSON and contains only strings.
    """
    found = _LIST.match(written.split(_TURN)[-1].strip())
    try:
        items = cast("list[object]", json.loads(found[0])) if found else []
    except (ValueError, RecursionError):
        return []
    strings = [item for item in items if isinstance(item, str)]
    return strings if len(strings) == len(items) else []
