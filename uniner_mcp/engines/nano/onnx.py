"""onnxruntime without its telemetry.

Since 1.29 the official wheels write a device id and events below the user's cache folder and upload them. Only the
environment variable, set before the first import, prevents all of it; on Windows, which ignores the variable, the API
call turns it off. Source: microsoft/onnxruntime, docs/Privacy.md and pull request 27379.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any

VARIABLE = "ORT_DISABLE_TELEMETRY"


def import_onnxruntime(module: str = "onnxruntime") -> Any:
    """Import onnxruntime, or a module of it, with telemetry off unless the user has set the variable themselves."""
    os.environ.setdefault(VARIABLE, "1")
    if os.environ[VARIABLE] == "1":
        import_module("onnxruntime").disable_telemetry_events()
    return import_module(module)
