"""The teacher as an engine: one paid call for all questions of a passage, within the budget of its policy."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Sequence
from typing import cast

import orjson
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_exponential_jitter

from uniner_mcp import metrics
from uniner_mcp.engines.base import TEACHER, Account, Answer, Call, Cost, EngineInfo, Mention, Passage
from uniner_mcp.engines.connections import open_client
from uniner_mcp.engines.failures import TryAgain
from uniner_mcp.engines.redaction import Redacted, redact
from uniner_mcp.engines.teacher import asking
from uniner_mcp.engines.teacher.chat import Chat, Reply, Unbilled
from uniner_mcp.engines.teacher.ledger import Ledger, over, today
from uniner_mcp.engines.teacher.policy import Policy
from uniner_mcp.errors import (
    AnswerCut,
    AnswerRefused,
    EngineError,
    EngineTimeout,
    EngineUnavailable,
    NotSent,
    UnreadableAnswer,
)
from uniner_mcp.schema import EntityType
from uniner_mcp.shipped import load_prompt

CONTEXT_BUDGET = 1500
"""Units of a passage where nothing but the teacher reads it."""
FIRST_WAIT = 0.5
LONGEST_WAIT = 10.0
"""Seconds between two tries: doubled each time, with jitter, from the first to the longest."""
_ENVELOPE = 256
"""Tokens that a server may add to a request on its own, for roles and the like."""


class Teacher:
    """Asks the teacher of a policy. What is to be redacted is taken out first, and put back into the mentions.

    Each try is reserved at its worst case (a token a byte, the longest answer) in the account of the request and in
    the ledger of the day, and settled at what the server reports; where it reports nothing, the reservation stands.
    """

    def __init__(self, policy: Policy, ledger: Ledger) -> None:
        """Speak to the teacher of `policy`, which has one. Raises SettingsError where its key is not set."""
        assert policy.teacher is not None
        self._policy = policy
        self._teacher = policy.teacher
        self._ledger = ledger
        self._chat = Chat(policy, open_client(policy.teacher.base_url, policy.key()))
        self._conversation = asking.conversation()
        prompt = load_prompt(asking.PROMPT)
        parts = (policy.teacher.model, policy.teacher.base_url, policy.teacher.options, policy.send.redact, prompt)
        fingerprint = f"{TEACHER}-{hashlib.sha256(repr(parts).encode()).hexdigest()[:24]}"
        self._info = EngineInfo(TEACHER, policy.teacher.model, fingerprint, CONTEXT_BUDGET, True, policy.who())
        self._provenance = self._info.provenance()

    def info(self) -> EngineInfo:
        """Known before anything is sent."""
        return self._info

    async def answer(self, passage: Passage, types: Sequence[EntityType], call: Call | None = None) -> list[Answer]:
        """One answer per type, in the order of `types`; those beyond the budget fail with NotSent."""
        call = call or Call()
        asked = types[: await self._affordable(len(types), call.account)]
        answers = await self._ask(passage.text, asked, call) if asked else []
        spent = NotSent("budget", f"the budget of questions of the policy {self._policy.name} is spent")
        return [*answers, *(self._failed(kind, spent) for kind in types[len(asked) :])]

    async def aclose(self) -> None:
        """Close the connections."""
        await self._chat.aclose()

    async def _affordable(self, wanted: int, account: Account) -> int:
        """How many of the questions the budgets still allow."""
        budget = self._policy.budget
        left = [wanted]
        if budget.request.questions is not None:
            left.append(budget.request.questions - account.cost.questions)
        if budget.day.questions is not None:
            left.append(budget.day.questions - (await asyncio.to_thread(self._ledger.spent, today())).questions)
        return max(0, min(left))

    async def _ask(self, text: str, types: Sequence[EntityType], call: Call) -> list[Answer]:
        redacted = redact(text, self._policy.send.redact)
        questions = [self._redacted(kind) for kind in types]
        messages = asking.messages(self._conversation, redacted.text, questions)
        try:
            reply = await self._in_time(messages, asking.response_format(types), len(types), call)
        except EngineError as error:
            return [self._failed(kind, error) for kind in types]
        return self._read(reply, redacted, types)

    async def _in_time(
        self, messages: list[dict[str, str]], response_format: dict[str, object], questions: int, call: Call
    ) -> Reply:
        """The reply, tried again for as long as the policy and the request allow. Raises EngineError."""
        deadline = min(time.monotonic() + self._teacher.timeout_s, call.deadline)
        retrying = AsyncRetrying(
            retry=retry_if_exception_type(TryAgain),
            wait=_pause,
            stop=lambda state: time.monotonic() + state.upcoming_sleep >= deadline,
            reraise=True,
        )

        async def attempt() -> Reply:
            body = self._chat.body(messages, response_format)
            return await self._paid(body, questions, deadline - time.monotonic(), call.account)

        try:
            return await retrying(attempt)
        except TryAgain as error:
            kind = EngineTimeout if error.late else EngineUnavailable
            who, seconds = self._policy.who(), self._teacher.timeout_s
            raise kind(f"{who} {error.reason}; given up within {seconds:g} s: {error.advice}") from None

    async def _paid(self, body: dict[str, object], questions: int, seconds: float, account: Account) -> Reply:
        """One try, reserved before and settled after it. Raises TryAgain or EngineError, NotSent beyond a budget."""
        reserved = self._cost(questions, len(orjson.dumps(body)) + _ENVELOPE, self._teacher.max_answer_tokens)
        day = await self._reserve(reserved, account)
        try:
            reply = await self._chat.post(body, seconds)
        except Unbilled as failure:
            await self._settle(day, reserved, Cost(), account)
            raise failure.error from None
        if reply.usage is not None:
            actual = self._cost(questions, reply.usage.prompt_tokens, reply.usage.completion_tokens)
            await self._settle(day, reserved, actual, account)
            metrics.count_tokens(self._teacher.model, actual)
        return reply

    async def _reserve(self, cost: Cost, account: Account) -> str:
        budget, name = self._policy.budget, self._policy.name
        if (against := over(account.cost + cost, budget.request)) is not None:
            raise NotSent("budget", f"the budget of a request ({against}) of the policy {name} does not allow it")
        account.cost += cost
        try:
            day, against = await self._ledger.reserve(cost, budget.day)
        except EngineError:
            account.cost -= cost
            raise
        if against is not None:
            account.cost -= cost
            raise NotSent("budget", f"the budget of the day ({against}) of the policy {name} does not allow it")
        account.model = self._teacher.model
        return day

    async def _settle(self, day: str, reserved: Cost, actual: Cost, account: Account) -> None:
        account.cost += actual - reserved
        await self._ledger.settle(day, reserved, actual)

    def _cost(self, questions: int, input_tokens: int, output_tokens: int) -> Cost:
        price = self._policy.prices.get(self._teacher.model)
        usd = (input_tokens * price.input + output_tokens * price.output) / 1e6 if price is not None else 0.0
        return Cost(questions, input_tokens, output_tokens, usd)

    def _redacted(self, kind: EntityType) -> EntityType:
        kinds = self._policy.send.redact
        meaning = redact(kind.definition, kinds).text if kind.definition is not None else None
        return EntityType(name=redact(kind.name, kinds).text, definition=meaning)

    def _read(self, reply: Reply, redacted: Redacted, types: Sequence[EntityType]) -> list[Answer]:
        who = self._policy.who()
        if reply.refused is not None:
            return [self._failed(kind, AnswerRefused(reply.refused)) for kind in types]
        found = asking.read_mentions(reply.content or "", cut=reply.cut)
        if found is None or not (found or reply.cut):
            unreadable = UnreadableAnswer(f"the answer of {who} was not in the form that was asked for")
            return [self._failed(kind, unreadable) for kind in types]
        last = max(found, default=0) if reply.cut else 0
        missing = (
            AnswerCut(f"{who} was cut off at its longest answer: raise `max_answer_tokens`")
            if reply.cut
            else UnreadableAnswer(f"{who} left the question out of its answer")
        )
        return [
            self._answer(kind, found[number], redacted, truncated=number == last)
            if number in found
            else self._failed(kind, missing)
            for number, kind in enumerate(types, start=1)
        ]

    def _answer(self, kind: EntityType, said: Sequence[str], redacted: Redacted, *, truncated: bool) -> Answer:
        mentions = (Mention(redacted.restored(self._conversation.mended(mention))) for mention in said)
        return Answer(kind, tuple(mentions), self._provenance, truncated=truncated)

    def _failed(self, kind: EntityType, failure: EngineError) -> Answer:
        return Answer(kind, (), self._provenance, failure=failure)


def _pause(state: RetryCallState) -> float:
    error = cast(TryAgain, state.outcome and state.outcome.exception())
    if error.after is not None:
        return error.after
    return wait_exponential_jitter(multiplier=FIRST_WAIT, max=LONGEST_WAIT, jitter=FIRST_WAIT)(state)
