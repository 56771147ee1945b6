"""`nano`: the embedded span student as an engine. Heavy imports wait until the model is loaded."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from uniner_mcp.engines.base import Answer, Call, EngineInfo, Mention, Passage, Provenance
from uniner_mcp.engines.loading import CLOSED, Loading
from uniner_mcp.engines.nano.manifest import SHIPPED, damaged_files, read_manifest
from uniner_mcp.errors import EngineUnavailable
from uniner_mcp.schema import EntityType

if TYPE_CHECKING:
    from uniner_mcp.engines.nano.runtime import NanoRuntime

WARM_UP_AFTER = 0.5
"""Seconds from opening to the start of loading: by then, a server has answered its client's first message."""
BUDGET = 320
"""Units of a passage: about 160 English words, safely within the encoder's 512 word pieces."""


class NanoEngine:
    """Answers on the CPU, in this process, offline.

    The model is loaded in the background: with the first question, which waits for it, or shortly after the engine was
    created in a running event loop. After a failed load, a later question loads it again. Worker threads do the work,
    so that the event loop stays free. A cancelled call leaves the queue; at most one passage is still computed to its
    end.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or SHIPPED
        self._manifest = read_manifest(self._folder)
        cores = os.cpu_count() or 1
        self._threads = min(4, cores)
        workers = max(1, cores // self._threads)
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="nano")
        self._runtime = Loading(self._pool, self._load)
        self._warm_up: asyncio.TimerHandle | None = None
        with suppress(RuntimeError):  # No event loop is running: the first question loads the model.
            self._warm_up = asyncio.get_running_loop().call_later(WARM_UP_AFTER, self._runtime.start)
        model, fingerprint = self._manifest.model, self._manifest.fingerprint
        self._provenance = Provenance("nano", model, fingerprint)
        self._info = EngineInfo(
            "nano", model, fingerprint, BUDGET, leaves_machine=False, languages=("en",), concurrency=workers
        )

    def _load(self) -> NanoRuntime:
        try:
            from uniner_mcp.engines.nano.runtime import NanoRuntime

            # The fingerprint, and thus every cached answer, belongs to exactly these files.
            if damaged := damaged_files(self._folder, self._manifest):
                raise EngineUnavailable(
                    f"files of the nano model are missing or changed ({', '.join(damaged)}): run `uniner-mcp doctor`"
                )
            return NanoRuntime(self._folder, self._manifest, self._threads)
        except EngineUnavailable:
            raise
        except Exception as error:
            raise EngineUnavailable(
                f"the nano model in {self._folder} cannot be loaded ({type(error).__name__}): run `uniner-mcp doctor`"
            ) from error

    def info(self) -> EngineInfo:
        """Describe the engine; the model need not be loaded."""
        return self._info

    async def answer(self, passage: Passage, types: Sequence[EntityType], call: Call | None = None) -> list[Answer]:
        """Encode the passage once, score it against each type, and return one answer per type."""
        wordings = [f"{kind.name}: {kind.definition}" if kind.definition else kind.name for kind in types]
        runtime = await self._runtime.loaded()
        reading = asyncio.wrap_future(self._pool.submit(runtime.read, passage.text, wordings))
        try:
            await asyncio.wait({reading})
        finally:
            reading.cancel()  # If the call was cancelled; otherwise it is done.
        if reading.cancelled():
            raise EngineUnavailable(CLOSED)
        return [
            Answer(
                kind,
                tuple(Mention(passage.text[start:end], (start, end), round(sure, 4)) for start, end, sure in spans),
                self._provenance,
            )
            for kind, spans in zip(types, reading.result(), strict=True)
        ]

    async def aclose(self) -> None:
        """Let the running passage finish, and release the threads."""
        if self._warm_up is not None:
            self._warm_up.cancel()
        self._runtime.close()
        self._pool.shutdown(wait=False, cancel_futures=True)
