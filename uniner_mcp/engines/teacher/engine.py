"""The teacher as an engine: one paid request for all questions about a passage, within the budget of its policy."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from uniner_mcp.engines.base import Account, Answer, Call, EngineInfo, Passage
from uniner_mcp.engines.teacher.ledger import Ledger, today
from uniner_mcp.engines.teacher.paid import PaidChat
from uniner_mcp.engines.teacher.policy import Policy
from uniner_mcp.engines.teacher.questions import Questions, teacher_info
from uniner_mcp.errors import EngineError, NotSent
from uniner_mcp.schema import EntityType


class Teacher:
    """Asks the teacher of a policy. Values to redact are removed first, and put back into the mentions."""

    def __init__(self, policy: Policy, ledger: Ledger) -> None:
        """Use the teacher of `policy`, which must have one. Raises SettingsError if its key is not set."""
        self._policy = policy
        self._ledger = ledger
        self._chat = PaidChat(policy, ledger)
        self._info = teacher_info(policy)

    def info(self) -> EngineInfo:
        """Describe the teacher; nothing is sent."""
        return self._info

    async def answer(self, passage: Passage, types: Sequence[EntityType], call: Call | None = None) -> list[Answer]:
        """Return one answer per type, in the order of `types`; those beyond the budget fail with NotSent."""
        call = call or Call()
        most = await self._affordable(len(types), call.account)
        asked, beyond = (
            Questions(self._policy, self._info, passage.text, some) for some in (types[:most], types[most:])
        )
        answers = await self._ask(asked, call) if asked.types else []
        spent = NotSent("budget", f"the question budget of the policy {self._policy.name} is spent")
        return [*answers, *beyond.failed(spent)]

    async def aclose(self) -> None:
        """Close the connections."""
        await self._chat.aclose()

    async def _affordable(self, wanted: int, account: Account) -> int:
        """Return how many of the questions the budgets still allow."""
        budget = self._policy.budget
        left = [wanted]
        if budget.request.questions is not None:
            left.append(budget.request.questions - account.cost.questions)
        if budget.day.questions is not None:
            left.append(budget.day.questions - (await asyncio.to_thread(self._ledger.spent, today())).questions)
        return max(0, min(left))

    async def _ask(self, questions: Questions, call: Call) -> list[Answer]:
        try:
            reply = await self._chat.ask(
                questions.messages, questions.response_format, len(questions.types), call.account, call.deadline
            )
            return questions.answers(reply)
        except EngineError as error:
            return questions.failed(error)
