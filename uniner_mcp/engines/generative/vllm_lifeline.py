"""Ends vLLM's processes when the process that opened the engine ends, however it ends.

vLLM leaves them running, with the GPU's memory, when their owner is killed; clients of a local MCP server kill it if it
does not end at once. vLLM imports this module into its workers (option `worker_extension_cls`), and nobody else may: to
import it is to be bound. A worker that ends takes the rest of its engine with it.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
from contextlib import suppress

from uniner_mcp.engines.generative.vllm import OWNER


class Lifeline:
    """What vLLM mixes into its worker class. It adds nothing."""


def end_with(owner: int) -> None:
    """Wait for the end of the process `owner`, then end this one."""
    if sys.platform == "linux":
        with suppress(ProcessLookupError):
            # Also readable when it has ended and nobody has asked for its status, where a signal would still arrive.
            select.select([os.pidfd_open(owner)], [], [])
        os.kill(os.getpid(), signal.SIGKILL)


if (owner := os.environ.get(OWNER)) and int(owner) != os.getpid():
    threading.Thread(target=end_with, args=(int(owner),), name="lifeline", daemon=True).start()
