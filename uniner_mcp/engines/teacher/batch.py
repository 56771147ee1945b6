"""Many passages for the teacher in one batch, through the Batch API: at half the price, within a day.

Source: https://platform.openai.com/docs/guides/batch (a file of at most 50,000 requests, one JSON object per line).
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
from pydantic import BaseModel, ValidationError

from uniner_mcp.engines.base import Answer, Cost, Passage
from uniner_mcp.engines.generative.connections import open_client
from uniner_mcp.engines.teacher.chat import Chat, Reply, read_reply
from uniner_mcp.engines.teacher.ledger import Ledger
from uniner_mcp.engines.teacher.policy import Policy
from uniner_mcp.engines.teacher.questions import Questions, teacher_info
from uniner_mcp.engines.teacher.rules import too_long
from uniner_mcp.errors import EngineError, EngineUnavailable, NotSent, SettingsError
from uniner_mcp.schema import EntityType

if TYPE_CHECKING:
    from openai.types import Batch

MOST = 50_000
"""Maximum number of requests in a batch."""
DISCOUNT = 0.5
"""Price of a batch, as a share of the regular price."""
_ENDED = frozenset({"completed", "failed", "expired", "cancelled"})


class _State(BaseModel):
    """The record of a submitted batch."""

    id: str
    requests: str
    day: str
    reserved: tuple[int, int, int, float]
    settled: bool = False


class _Response(BaseModel):
    status_code: int
    body: dict[str, object]


class _Line(BaseModel):
    custom_id: str
    response: _Response | None = None


class ChatBatch:
    """Sends many chat requests to the teacher of `policy` in one batch.

    `folder` stores the record of the submitted batch: if the same call is repeated after a crash, it waits for that
    batch and does not pay twice. The operator must have consented: a policy that asks the user is rejected.
    """

    def __init__(self, policy: Policy, ledger: Ledger, folder: Path) -> None:
        """Raises SettingsError if the policy sends nothing without asking the user, or if its key is not set."""
        if policy.consent != "operator" or policy.teacher is None:
            raise SettingsError(
                f'The policy {policy.name} does not allow sending without asking the user: set consent = "operator".'
            )
        self._policy = policy
        self._ledger = ledger
        self._folder = folder
        self._client = open_client(policy.teacher.base_url, policy.key())
        self._chat = Chat(policy, self._client)

    def body(self, messages: list[dict[str, str]], response_format: dict[str, object] | None) -> dict[str, object]:
        """Return the body of one request of a batch."""
        return self._chat.body(messages, response_format)

    async def replies(
        self, bodies: Mapping[str, dict[str, object]], questions: int, *, poll_s: float = 30
    ) -> dict[str, Reply | EngineError]:
        """Return the reply to each request, or the reason why there is none. Polls the batch every `poll_s` seconds.

        questions: number of questions, for the budget. Raises EngineError if the batch cannot be run, NotSent if it
        exceeds the budget of the day.
        """
        if len(bodies) > MOST:
            raise EngineError(f"{len(bodies)} requests do not fit into a batch of {MOST}: split them.")
        state = await self._submitted(bodies, questions)
        found = await self._collected(state, await self._waited(state, poll_s))
        missing = EngineUnavailable(f"the batch at {self._policy.who()} ended without an answer to this passage")
        return {number: found.get(number, missing) for number in bodies}

    async def aclose(self) -> None:
        """Close the connections; a submitted batch continues."""
        await self._client.close()

    async def _submitted(self, bodies: Mapping[str, dict[str, object]], questions: int) -> _State:
        """Return the batch that was submitted before, or submit one."""
        common = {"method": "POST", "url": "/v1/chat/completions"}
        requests = ({"custom_id": number, **common, "body": body} for number, body in bodies.items())
        lines = b"".join(orjson.dumps(request) + b"\n" for request in requests)
        digest = hashlib.sha256(lines).hexdigest()
        path = self._folder / "batch.json"
        if path.exists():
            state = _State.model_validate_json(path.read_bytes())
            if state.requests != digest:
                raise EngineError(f"{self._folder} contains a batch of other questions: choose another folder.")
            return state
        whole = sum((self._policy.worst_case(0, body) for body in bodies.values()), Cost())
        reserved = self._policy.cost(questions, whole.input_tokens, whole.output_tokens, DISCOUNT)
        day, against = await self._ledger.reserve(reserved, self._policy.budget.day)
        if against is not None:
            name = self._policy.name
            raise NotSent(
                "budget",
                f"The batch would exceed the budget of the day ({against}) in the policy {name}: raise `budget.day`, "
                "or wait until tomorrow (UTC).",
            )
        try:
            async with self._explained():
                file = await self._client.files.create(file=("requests.jsonl", lines), purpose="batch")
                batch = await self._client.batches.create(
                    input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h"
                )
        except EngineError:
            await self._ledger.settle(day, reserved, Cost())
            raise
        amounts = (reserved.questions, reserved.input_tokens, reserved.output_tokens, reserved.usd)
        return self._saved(_State(id=batch.id, requests=digest, day=day, reserved=amounts))

    async def _waited(self, state: _State, poll_s: float) -> Batch:
        while True:
            async with self._explained():
                batch = await self._client.batches.retrieve(state.id)
            if batch.status in _ENDED:
                return batch
            await asyncio.sleep(poll_s)

    async def _collected(self, state: _State, batch: Batch) -> dict[str, Reply | EngineError]:
        """Return the replies by the number of their request; the cost is settled only once."""
        if batch.output_file_id is None:
            raise EngineUnavailable(
                f"The batch at {self._policy.who()} has no results (status: {batch.status}): see its page there, and "
                f"delete {self._folder} to submit it again."
            )
        async with self._explained():
            content = (await self._client.files.content(batch.output_file_id)).content
        replies: dict[str, Reply | EngineError] = {}
        spent = Cost(questions=state.reserved[0])
        for line in content.splitlines():
            number, reply = self._read(line)
            replies[number] = reply
            if isinstance(reply, Reply) and reply.usage is not None:
                spent += self._policy.cost(0, reply.usage.prompt_tokens, reply.usage.completion_tokens, DISCOUNT)
        if not state.settled:
            await self._ledger.settle(state.day, Cost(*state.reserved), spent)
            self._saved(state.model_copy(update={"settled": True}))
        return replies

    def _read(self, line: bytes) -> tuple[str, Reply | EngineError]:
        who = self._policy.who()
        try:
            read = _Line.model_validate_json(line)
            if read.response is None or read.response.status_code != 200:
                return read.custom_id, EngineError(f"{who} could not answer this passage of the batch")
            return read.custom_id, read_reply(orjson.dumps(read.response.body), who)
        except ValidationError:
            raise EngineError(f"The batch at {who} returned results in an unknown format.") from None

    def _saved(self, state: _State) -> _State:
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / "batch.json").write_bytes(state.model_dump_json().encode())
        return state

    @asynccontextmanager
    async def _explained(self) -> AsyncGenerator[None]:
        """Raise failures of the server as EngineUnavailable, without its messages."""
        import openai

        try:
            yield
        except openai.OpenAIError as error:
            said = f"The batch at {self._policy.who()} could not be run ({type(error).__name__}): run it again."
            raise EngineUnavailable(said) from None


async def answer_in_batch(
    batch: ChatBatch, policy: Policy, asked: Sequence[tuple[Passage, Sequence[EntityType]]], *, poll_s: float = 30
) -> list[list[Answer]]:
    """Return the answers to all questions about many passages, in order. Raises the errors of `ChatBatch.replies`."""
    info, most = teacher_info(policy), policy.send.max_chars
    questions = [Questions(policy, info, passage.text, types) for passage, types in asked]
    sent = {str(n): questions[n] for n, (passage, _) in enumerate(asked) if len(passage.text) <= most}
    bodies = {number: batch.body(one.messages, one.response_format) for number, one in sent.items()}
    replies = await batch.replies(bodies, sum(len(one.types) for one in sent.values()), poll_s=poll_s)
    long = too_long(policy)
    answers: list[list[Answer]] = []
    for number, one in enumerate(questions):
        reply = replies.get(str(number), long)
        answers.append(one.answers(reply) if isinstance(reply, Reply) else one.failed(reply))
    return answers
