"""onnxruntime without its telemetry, and sessions that leave the machine to others while they wait.

Since 1.29 the official wheels write a device id and events below the user's cache folder and upload them. Only the
environment variable, set before the first import, prevents all of it; on Windows, which ignores the variable, the API
call turns it off. Source: microsoft/onnxruntime, docs/Privacy.md and pull request 27379.
"""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

VARIABLE = "ORT_DISABLE_TELEMETRY"


class Session(Protocol):
    """The part of onnxruntime's session that is used; the library has no type stubs."""

    def run(self, output_names: None, input_feed: dict[str, Any]) -> list[Any]:
        """Return all outputs for the inputs, as arrays."""
        ...


def import_onnxruntime(module: str = "onnxruntime") -> Any:
    """Import onnxruntime, or a module of it, with telemetry off unless the user has set the variable themselves."""
    os.environ.setdefault(VARIABLE, "1")
    if os.environ[VARIABLE] == "1":
        import_module("onnxruntime").disable_telemetry_events()
    return import_module(module)


def open_session(path: Path, threads: int) -> Session:
    """Open a model for the CPU."""
    onnxruntime = import_onnxruntime()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # A waiting session must not occupy a core, and memory should be freed after a long passage.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.enable_cpu_mem_arena = False
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
