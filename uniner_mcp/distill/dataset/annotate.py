"""The teacher labels passages, using the paper's prompts (UniversalNER, arXiv 2308.03279, section 3.1).

Its replies are stored unchanged, one JSON line per passage; parsing them is a separate stage. An interrupted run can be
resumed: passages that have a line are not asked again.
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
    """A passage to label."""

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class Progress:
    """Progress of a run: passages with a line, all passages, those that failed and can be retried, and the cost."""

    done: int
    total: int
    failed: int
    cost: Cost


OnProgress = Callable[[Progress], None]


def read_passages(path: Path) -> list[Sampled]:
    """Read `{"id", "text"}` lines. Raises RequestError, with file and line, if a line is not a passage."""
    passages: list[Sampled] = []
    for number, line in enumerate(_lines(path), start=1):
        try:
            row = orjson.loads(line)
            passages.append(Sampled(str(row["id"]), row["text"]))
        except (orjson.JSONDecodeError, KeyError, TypeError):
            raise RequestError(f"{path}, line {number}: expected a passage with `id` and `text`.") from None
    return passages


def messages(text: str, wording: Wording) -> list[dict[str, str]]:
    """Return the chat messages that ask for the labels of one passage."""
    conversation = Conversation(None, read_messages(load_prompt(_PROMPTS[wording]).template))
    prompt = conversation.string_prompt(text, "")
    return [{"role": turn.role, "content": turn.content} for turn in prompt.messages]


def worst_case(policy: Policy, passages: Sequence[Sampled], wording: Wording) -> Cost:
    """Return the maximum cost of labelling: one token per byte, and the longest answers."""
    bodies = ({"messages": messages(passage.text, wording)} for passage in passages)
    return sum((policy.worst_case(1, body) for body in bodies), Cost())


class Annotations:
    """The file of annotations: `{"id", "text", "raw", "prompt", "model", "usage", "error"}` lines.

    A line that a crash left incomplete is dropped when the file is opened. If the teacher declined, `raw` is empty and
    `error` contains the reason.
    """

    def __init__(self, path: Path, wording: Wording, model: str) -> None:
        """Resume the file at `path`, or create it."""
        self._path = path
        self._common = {"prompt": wording, "model": model}
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        whole = b"".join(line + b"\n" for line in _lines(path) if _is_json(line)) if path.exists() else b""
        if path.exists() and whole != path.read_bytes():
            path.write_bytes(whole)
        self._done = {str(orjson.loads(line)["id"]) for line in whole.splitlines()}

    def missing(self, passages: Sequence[Sampled]) -> list[Sampled]:
        """Return the passages that have no line yet."""
        return [passage for passage in passages if passage.id not in self._done]

    def add(self, passage: Sampled, reply: Reply) -> None:
        """Write a line immediately."""
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
    on_progress: OnProgress | None = None,
) -> Progress:
    """Label the passages that have no line yet, `at_once` concurrently and at most `per_minute` requests per minute.

    Each passage counts as one request in the budget of the policy. A passage that fails gets no line and is counted.
    Raises NotSent if the budget is spent: labels so far are kept, and the same call resumes when there is budget again.
    """
    missing = annotations.missing(passages)
    waiting = iter(missing)
    progress = Progress(len(passages) - len(missing), len(passages), 0, Cost())
    chat, rate_limit = PaidChat(policy, ledger), _RateLimit(per_minute)
    spent: NotSent | None = None

    async def work() -> None:
        nonlocal progress, spent
        for passage in waiting:
            await rate_limit.wait()
            if spent is not None:
                return
            account, labelled = Account(), False
            try:
                annotations.add(passage, await chat.ask(messages(passage.text, wording), None, 1, account, math.inf))
                labelled = True
            except NotSent as error:
                spent = error  # The other workers finish the requests they have paid for.
                return
            except EngineError as error:
                logger.warning("A passage was not labelled: %s", error)
            done, failed = progress.done + labelled, progress.failed + (not labelled)
            progress = Progress(done, progress.total, failed, progress.cost + account.cost)
            if on_progress is not None:
                on_progress(progress)

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
    """Label the passages that have no line yet through the Batch API. Raises the errors of `ChatBatch.replies`."""
    missing = annotations.missing(passages)
    bodies = {passage.id: batch.body(messages(passage.text, wording), None) for passage in missing}
    replies = await batch.replies(bodies, len(bodies), poll_s=poll_s)
    for passage in missing:
        if isinstance(reply := replies[passage.id], Reply):
            annotations.add(passage, reply)
    left = len(annotations.missing(passages))
    return Progress(len(passages) - left, len(passages), left, Cost(questions=len(bodies)))


class _RateLimit:
    """Spaces requests evenly, so that there are at most `per_minute`."""

    def __init__(self, per_minute: float) -> None:
        self._gap = 60 / per_minute
        self._next = 0.0

    async def wait(self) -> None:
        """Return when the next request may be sent."""
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
