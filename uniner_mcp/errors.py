"""The exceptions of uniner_mcp.

    UninerError
    ├── RequestError             the request is not valid (also a ValueError)
    ├── SettingsError            a setting or a policy is not valid (also a ValueError)
    ├── EngineError              an engine cannot be opened or failed
    │   ├── EngineUnavailable    it cannot be reached or is broken
    │   ├── EngineTimeout        it did not answer in time
    │   ├── CircuitOpen          it failed repeatedly and is not called for a while
    │   ├── UnreadableAnswer     its answer cannot be parsed
    │   ├── AnswerRefused        the model or the provider's content filter refused to answer
    │   ├── AnswerCut            its output was cut off before this answer
    │   ├── NotSent              the fallback policy does not allow sending the question
    │   └── EveryRouteFailed     the local engine and the teacher both failed
    └── ExtractionError          no question of a request could be answered

Messages say what to do next. They never contain the caller's text.
"""

from __future__ import annotations

from typing import Literal


class UninerError(Exception):
    """Base class of all errors of this package."""


class RequestError(UninerError, ValueError):
    """The request is not valid. The message says how to fix it."""


class SettingsError(UninerError, ValueError):
    """A setting is not valid or contradicts another. The message names the setting."""


class EngineError(UninerError):
    """An engine cannot be opened, or failed to answer one or all questions."""


class EngineUnavailable(EngineError):
    """An engine cannot be reached or is broken."""


class EngineTimeout(EngineError):
    """An engine did not answer in time."""


class CircuitOpen(EngineError):
    """An engine failed repeatedly and is not called for a while."""


class UnreadableAnswer(EngineError):
    """The output of a model cannot be parsed."""


class AnswerRefused(EngineError):
    """A model or the provider's content filter refused to answer."""


class AnswerCut(EngineError):
    """The output of a model was cut off before the answer to this question."""


Rule = Literal["consent", "budget", "domain", "length"]
"""Rules of a fallback policy by which a question is not sent to the teacher."""


class NotSent(EngineError):
    """The fallback policy does not allow sending a question to the teacher. `rule` is the rule that applied."""

    def __init__(self, rule: Rule, reason: str) -> None:
        super().__init__(reason)
        self.rule: Rule = rule


class EveryRouteFailed(EngineError):
    """Every engine that could answer a question failed. `causes` are their errors, in the order they were asked."""

    def __init__(self, causes: tuple[EngineError, ...]) -> None:
        super().__init__("; ".join(str(cause) for cause in causes))
        self.causes = causes


class ExtractionError(UninerError):
    """No question of the request could be answered.

    The message contains the reasons. `causes` are the distinct errors, and `__cause__` is an ExceptionGroup of them.
    """

    def __init__(self, causes: tuple[EngineError, ...]) -> None:
        super().__init__(f"No question could be answered: {'; '.join(map(str, causes))}")
        self.causes = causes
        self.__cause__ = ExceptionGroup("causes", causes)
