from __future__ import annotations

import asyncio
import logging
import sys

import pytest

from uniner_mcp.server import logs

pytestmark = pytest.mark.anyio
SECRET = "Zuleika Quxbury"


def test_an_exception_in_the_log_has_its_type_and_place_but_not_its_message() -> None:
    try:
        raise ValueError(SECRET)
    except ValueError:
        record = logging.LogRecord("x", logging.ERROR, __file__, 1, "It failed.", None, sys.exc_info())
    said = logs._Discreet("%(message)s").format(record)
    assert "It failed." in said and "ValueError" in said and "test_logs.py" in said and SECRET not in said


async def test_what_nobody_handles_in_the_event_loop_is_logged_once_without_its_message(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "_UNHANDLED", logs.Seldom())
    loop = asyncio.get_running_loop()
    logs.log_to_stderr()
    try:
        for _ in range(3):
            loop.call_exception_handler({"message": "A task failed.", "exception": ValueError(SECRET)})
        loop.call_exception_handler({"message": "Something else."})
    finally:
        loop.set_exception_handler(None)
    assert [record.getMessage() for record in caplog.records] == [
        "A task failed. (ValueError)",
        "Something else. (no exception)",
    ]
