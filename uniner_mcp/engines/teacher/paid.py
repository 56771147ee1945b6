"""Paid requests to the teacher, within the budgets of its policy, with retries."""

from __future__ import annotations

import time
from typing import cast

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_exponential_jitter

from uniner_mcp import metrics
from uniner_mcp.engines.base import Account, Cost
from uniner_mcp.engines.generative.connections import open_client
from uniner_mcp.engines.generative.failures import TryAgain
from uniner_mcp.engines.teacher.chat import Chat, Reply, Unbilled
from uniner_mcp.engines.teacher.ledger import Ledger, over
from uniner_mcp.engines.teacher.policy import Policy
from uniner_mcp.errors import EngineError, EngineTimeout, EngineUnavailable, NotSent

FIRST_WAIT = 0.5
LONGEST_WAIT = 10.0
"""Seconds between two attempts: doubled each time, with jitter, from the first to the longest."""


class PaidChat:
    """Sends requests to the teacher's server and records their cost.

    Each attempt reserves its worst case (one token per byte, the longest answer) in the account of the request and in
    the ledger of the day. The reservation is replaced by the cost that the server reports, or kept if it reports none.
    """

    def __init__(self, policy: Policy, ledger: Ledger) -> None:
        """Use the teacher of `policy`, which must have one. Raises SettingsError if its key is not set."""
        assert policy.teacher is not None
        self._policy = policy
        self._teacher = policy.teacher
        self._ledger = ledger
        self._chat = Chat(policy, open_client(policy.teacher.base_url, policy.key()))

    async def ask(
        self,
        messages: list[dict[str, str]],
        response_format: dict[str, object] | None,
        questions: int,
        account: Account,
        deadline: float,
    ) -> Reply:
        """Return the reply, within the timeout of the policy and before `deadline` (`time.monotonic`).

        Raises EngineError.
        """
        deadline = min(time.monotonic() + self._teacher.timeout_s, deadline)
        before: list[TryAgain] = []
        retrying = AsyncRetrying(
            retry=retry_if_exception_type(TryAgain),
            wait=_pause,
            before_sleep=lambda state: before.append(_failure(state)),
            stop=lambda state: time.monotonic() + state.upcoming_sleep >= deadline,
            reraise=True,
        )

        async def attempt() -> Reply:
            body = self._chat.body(messages, response_format)
            return await self._paid(body, questions, deadline - time.monotonic(), account)

        try:
            return await retrying(attempt)
        except TryAgain as last:
            # The last attempt may have had hardly any time: the one before it has the better reason.
            error = before[-1] if last.late and before else last
            kind = EngineTimeout if error.late else EngineUnavailable
            who, seconds = self._policy.who(), self._teacher.timeout_s
            raise kind(f"{who} {error.reason}; gave up (time limit {seconds:g} s): {error.advice}") from None

    async def _paid(self, body: dict[str, object], questions: int, seconds: float, account: Account) -> Reply:
        """Reserve, send and settle one attempt. Raises TryAgain or EngineError; NotSent if a budget is exceeded."""
        reserved = self._policy.worst_case(questions, body)
        day = await self._reserve(reserved, account)
        try:
            reply = await self._chat.post(body, seconds)
        except Unbilled as failure:
            await self._settle(day, reserved, Cost(), account)
            raise failure.error from None
        if reply.usage is not None:
            actual = self._policy.cost(questions, reply.usage.prompt_tokens, reply.usage.completion_tokens)
            await self._settle(day, reserved, actual, account)
            metrics.count_tokens(self._teacher.model, actual.input_tokens, actual.output_tokens, actual.usd)
        return reply

    async def _reserve(self, cost: Cost, account: Account) -> str:
        budget, name = self._policy.budget, self._policy.name
        if (against := over(account.cost + cost, budget.request)) is not None:
            raise NotSent(
                "budget",
                f"the budget of a request ({against}) in the policy {name} would be exceeded: raise `budget.request`",
            )
        account.cost += cost
        try:
            day, against = await self._ledger.reserve(cost, budget.day)
        except EngineError:
            account.cost -= cost
            raise
        if against is not None:
            account.cost -= cost
            raise NotSent(
                "budget",
                f"the budget of the day ({against}) in the policy {name} would be exceeded: raise `budget.day`, or "
                "wait until tomorrow (UTC)",
            )
        account.model = self._teacher.model
        return day

    async def _settle(self, day: str, reserved: Cost, actual: Cost, account: Account) -> None:
        account.cost += actual - reserved
        await self._ledger.settle(day, reserved, actual)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._chat.aclose()


def _failure(state: RetryCallState) -> TryAgain:
    return cast(TryAgain, state.outcome and state.outcome.exception())


def _pause(state: RetryCallState) -> float:
    error = _failure(state)
    if error.after is not None:
        return error.after
    return wait_exponential_jitter(multiplier=FIRST_WAIT, max=LONGEST_WAIT, jitter=FIRST_WAIT)(state)
