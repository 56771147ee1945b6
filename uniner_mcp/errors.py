"""Every exception that uniner_mcp raises on purpose.

    UninerError
    ├── RequestError             the request cannot be answered as it stands (also a ValueError)
    ├── SettingsError            a setting or a policy is wrong or contradicts another (also a ValueError)
    ├── EngineError              an engine cannot be opened or did not work
    │   ├── EngineUnavailable    it cannot be reached, or is broken
    │   ├── EngineTimeout        it did not answer in time
    │   ├── CircuitOpen          it failed so often that it is left alone for a while
    │   ├── UnreadableAnswer     what it wrote is no answer
    │   ├── AnswerRefused        the model, or its provider's filter, declined to answer
    │   ├── AnswerCut            it was cut off before it came to the question
    │   ├── NotSent              the fallback policy does not let the question go to the teacher
    │   └── EveryRouteFailed     the local engine and the teacher both failed
    └── ExtractionError          no question of a request could be answered

Messages say what to do next, and never repeat the caller's text.
"""

from __future__ import annotations

from typing import Literal


class UninerError(Exception):
    """Base of every error of this package."""


class RequestError(UninerError, ValueError):
    """The request cannot be answered as it stands; the message says how to mend it."""


class SettingsError(UninerError, ValueError):
    """A setting is wrong or contradicts another; the message names the setting."""


class EngineError(UninerError):
    """An engine cannot be opened, or failed as a whole, or failed one question."""


class EngineUnavailable(EngineError):
    """An engine cannot be reached, or is broken."""


class EngineTimeout(EngineError):
    """An engine did not answer in time."""


class CircuitOpen(EngineError):
    """An engine failed so often that it is left alone for a while."""


class UnreadableAnswer(EngineError):
    """What a model wrote is no answer."""


class AnswerRefused(EngineError):
    """A model, or the filter of its provider, declined to answer."""


class AnswerCut(EngineError):
    """A model was cut off before it came to the question."""


Rule = Literal["consent", "budget", "domain", "length"]
"""The rules of a fallback policy that may keep a question from the teacher."""


class NotSent(EngineError):
    """The fallback policy does not let a question go to the teacher; `rule` says what in it."""

    def __init__(self, rule: Rule, reason: str) -> None:
        super().__init__(reason)
        self.rule: Rule = rule


class EveryRouteFailed(EngineError):
    """Every engine that could answer a question failed; `causes` are their errors, in the order of asking."""

    def __init__(self, causes: tuple[EngineError, ...]) -> None:
        super().__init__("; ".join(str(cause) for cause in causes))
        self.causes = causes


class ExtractionError(UninerError):
    """No question of the request could be answered.

    The message carries the reasons; `causes` are the distinct errors, and `__cause__` is an ExceptionGroup of them.
    """

    def __init__(self, causes: tuple[EngineError, ...]) -> None:
        super().__init__(f"No question could be answered: {'; '.join(map(str, causes))}")
        self.causes = causes
        self.__cause__ = ExceptionGroup("every cause", causes)
