"""Every exception that uniner_mcp raises on purpose.

    UninerError
    ├── RequestError       the request cannot be answered as it stands (also a ValueError)
    ├── SettingsError      a setting is wrong or contradicts another (also a ValueError)
    ├── EngineError        an engine cannot be opened or did not work
    └── ExtractionError    no question of a request could be answered

Messages say what to do next, and never repeat the caller's text.
"""

from __future__ import annotations


class UninerError(Exception):
    """Base of every error of this package."""


class RequestError(UninerError, ValueError):
    """The request cannot be answered as it stands; the message says how to mend it."""


class SettingsError(UninerError, ValueError):
    """A setting is wrong or contradicts another; the message names the setting."""


class EngineError(UninerError):
    """An engine cannot be opened, or failed as a whole."""


class ExtractionError(UninerError):
    """No question of the request could be answered; the message carries the reasons."""
