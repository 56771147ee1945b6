"""The teacher labels passages, in the paper's words (UniversalNER, arXiv 2308.03279, section 3.1).

What it wrote is kept as it is, one JSON line a passage; reading it is a stage of its own. A run that was stopped goes
on where it was: passages that have a line are not asked again.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson

from uniner_mcp.distill.recipe import Wording
from uniner_mcp.engines.base import Account, Cost
from uniner_mcp.engines.generative.conversation import Conversation, read_messages
from uniner_mcp.engines.teacher.batch import ChatBatch
from uniner_mcp.engines.teacher.chat import Reply
from uniner_mcp.engines.teacher.ledger import Ledger
from uniner_mcp.engines.teacher.paid import PaidChat
from uniner_mcp.engines.teacher.policy import Policy
from uniner_mcp.errors import EngineError, NotSent, RequestError
from uniner_mcp.shipped import load_prompt

logger = logging.getLogger(__name__)

_PROMPTS: Mapping[Wording, str] = {"type": "annotate_types", "definition": "annotate_definitions"}


@dataclass(frozen=True, slots=True)
class Sampled:
    """A passage to be labelled."""

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is: passages with a line, of how many, those that failed and can be asked again, and the cost."""

    done: int
    total: int
    failed: int
    cost: Cost


Told = Callable[[Progress], None]


def read_passages(path: Path) -> list[Sampled]:
    """Read `{"id", "text"}` lines. Raises RequestError with file and line where one is none."""
    passages: list[Sampled] = []
    for number, line in enumerate(_lines(path), start=1):
        try:
            row = orjson.loads(line)
            passages.append(Sampled(str(row["id"]), row["text"]))
        except (orjson.JSONDecodeError, KeyError, TypeError):
            raise RequestError(f"{path}, line {number}: not a passage with `id` and `text`.") from None
    return passages


def messages(text: str, wording: Wording) -> list[dict[str, str]]:
    """The chat in which one passage is labelled."""
    conversation = Conversation(None, read_messages(load_prompt(_PROMPTS[wording]).template))
    prompt = conversation.string_prompt(text, "")
    return [{"role": turn.role, "content": turn.content} for turn in prompt.messages]


def worst_case(policy: Policy, passages: Sequence[Sampled], wording: Wording) -> Cost:
    """The most that labelling can cost: a token a byte, and the longest answers."""
    bodies = ({"messages": messages(passage.text, wording)} for passage in passages)
    return sum((policy.worst_case(1, body) for body in bodies), Cost())


class Annotations:
    """The file of annotations: `{"id", "text", "raw", "prompt", "model", "usage", "error"}` lines.

    A line that was torn by a crash is dropped when the file is opened. `error` says why `raw` is empty, where the
    teacher declined.
    """

    def __init__(self, path: Path, wording: Wording, model: str) -> None:
        """Go on with the file at `path`, or begin it."""
        self._path = path
        self._common = {"prompt": wording, "model": model}
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        whole = b"".join(line + b"\n" for line in _lines(path) if _is_json(line)) if path.exists() else b""
        if path.exists() and whole != path.read_bytes():
            path.write_bytes(whole)
        self._done = {str(orjson.loads(line)["id"]) for line in whole.splitlines()}

    def missing(self, passages: Sequence[Sampled]) -> list[Sampled]:
        """Those that have no line yet."""
        return [passage for passage in passages if passage.id not in self._done]

    def add(self, passage: Sampled, reply: Reply) -> None:
        """Write a line, at once."""
        usage = reply.usage.model_dump() if reply.usage is not None else None
        row = {
            "id": passage.id,
            "text": passage.text,
            "raw": reply.content or "",
            **self._common,
            "usage": usage,
            "error": reply.refused,
        }
        with self._path.open("ab") as file:
            file.write(orjson.dumps(row) + b"\n")
        self._done.add(passage.id)


async def annotate(
    passages: Sequence[Sampled],
    annotations: Annotations,
    wording: Wording,
    policy: Policy,
    ledger: Ledger,
    *,
    at_once: int = 8,
    per_minute: float = math.inf,
    told: Told | None = None,
) -> Progress:
    """Label what has no line yet, `at_once` passages at a time and at most `per_minute` requests a minute.

    Each passage is a request of its own for the budget of the policy. One that fails stays without a line, and is
    counted. Raises NotSent where the budget is spent: what was done is kept, and the same call goes on when there is
    budget again.
    """
    missing = annotations.missing(passages)
    waiting = iter(missing)
    progress = Progress(len(passages) - len(missing), len(passages), 0, Cost())
    chat, gate = PaidChat(policy, ledger), _Gate(per_minute)
    spent: NotSent | None = None

    async def work() -> None:
        nonlocal progress, spent
        for passage in waiting:
            await gate.passed()
            if spent is not None:
                return
            account, labelled = Account(), False
            try:
                annotations.add(passage, await chat.ask(messages(passage.text, wording), None, 1, account, math.inf))
                labelled = True
            except NotSent as error:
                spent = error  # The others finish what they have paid for.
                return
            except EngineError as error:
                logger.warning("A passage was not labelled: %s", error)
            done, failed = progress.done + labelled, progress.failed + (not labelled)
            progress = Progress(done, progress.total, failed, progress.cost + account.cost)
            if told is not None:
                told(progress)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(work())
    finally:
        await chat.aclose()
    if spent is not None:
        raise spent
    return progress


async def annotate_in_batch(
    passages: Sequence[Sampled], annotations: Annotations, wording: Wording, batch: ChatBatch, *, poll_s: float = 30
) -> Progress:
    """Label what has no line yet through the Batch API. Raises as `ChatBatch.replies`."""
    missing = annotations.missing(passages)
    bodies = {passage.id: batch.body(messages(passage.text, wording), None) for passage in missing}
    replies = await batch.replies(bodies, len(bodies), poll_s=poll_s)
    for passage in missing:
        if isinstance(reply := replies[passage.id], Reply):
            annotations.add(passage, reply)
    left = len(annotations.missing(passages))
    return Progress(len(passages) - left, len(passages), left, Cost(questions=len(bodies)))


class _Gate:
    """Lets so many through in a minute, evenly."""

    def __init__(self, per_minute: float) -> None:
        self._gap = 60 / per_minute
        self._next = 0.0

    async def passed(self) -> None:
        """Returns when it is our turn."""
        now = asyncio.get_running_loop().time()
        self._next = max(now, self._next + self._gap)
        await asyncio.sleep(self._next - now)


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            yield from (line.rstrip(b"\n") for line in file)
    except OSError as error:
        raise RequestError(f"{path} cannot be read: {error.strerror}.") from None


def _is_json(line: bytes) -> bool:
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    return True
