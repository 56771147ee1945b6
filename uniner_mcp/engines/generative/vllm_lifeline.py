"""Ends vLLM's processes when the process that opened the engine ends, for whatever reason.

If their owner is killed, vLLM leaves them running and holding GPU memory; clients of a local MCP server kill it if it
does not end immediately. vLLM imports this module into its workers (option `worker_extension_cls`). Do not import it
anywhere else: importing it starts the watching thread. When a worker ends, the rest of its engine ends too.
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
    """Mixin for vLLM's worker class. It adds nothing."""


def end_with(owner: int) -> None:
    """Wait for the end of the process `owner`, then end this one."""
    if sys.platform == "linux":
        with suppress(ProcessLookupError):
            # Unlike a probing signal, this also notices a process that has ended but was not waited for.
            select.select([os.pidfd_open(owner)], [], [])
        os.kill(os.getpid(), signal.SIGKILL)


if (owner := os.environ.get(OWNER)) and int(owner) != os.getpid():
    threading.Thread(target=end_with, args=(int(owner),), name="lifeline", daemon=True).start()
