"""`nano`: the embedded span student as an engine. Nothing heavy is imported before the model is loaded."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from uniner_mcp.engines.base import Answer, EngineInfo, Mention, Passage, Provenance
from uniner_mcp.engines.nano.manifest import SHIPPED, read_manifest
from uniner_mcp.errors import EngineError
from uniner_mcp.schema import EntityType

if TYPE_CHECKING:
    from uniner_mcp.engines.nano.runtime import NanoRuntime

BUDGET = 320
"""Units of a passage: some 160 English words, safely within the encoder's 512 word pieces."""


class NanoEngine:
    """Answers on the CPU, in the process, offline.

    Loading begins in the background when the engine is made; the first question waits for it. Work runs in worker
    threads, so that the event loop stays free; a cancelled call drops its place, at most one passage runs on.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or SHIPPED
        self._manifest = read_manifest(self._folder)
        cores = os.cpu_count() or 1
        threads = min(4, cores)
        self._pool = ThreadPoolExecutor(max(1, cores // threads), thread_name_prefix="nano")
        self._runtime: Future[NanoRuntime] = self._pool.submit(self._load, threads)
        self._provenance = Provenance("nano", self._manifest.model, self._manifest.fingerprint)

    def _load(self, threads: int) -> NanoRuntime:
        from uniner_mcp.engines.nano.runtime import NanoRuntime

        try:
            return NanoRuntime(self._folder, self._manifest, threads)
        except Exception as error:
            raise EngineError(
                f"The nano model in {self._folder} cannot be loaded ({type(error).__name__}): run `uniner-mcp doctor`."
            ) from error

    def info(self) -> EngineInfo:
        """Known before the model is loaded."""
        return EngineInfo("nano", self._manifest.model, self._manifest.fingerprint, BUDGET, leaves_machine=False)

    async def answer(self, passage: Passage, types: Sequence[EntityType]) -> list[Answer]:
        """Encode the passage once and score it against each type."""
        wordings = [f"{kind.name}: {kind.definition}" if kind.definition else kind.name for kind in types]
        runtime = await asyncio.shield(asyncio.wrap_future(self._runtime))
        found = await asyncio.get_running_loop().run_in_executor(self._pool, runtime.read, passage.text, wordings)
        return [
            Answer(
                kind,
                tuple(Mention(passage.text[start:end], (start, end), round(sure, 4)) for start, end, sure in spans),
                self._provenance,
            )
            for kind, spans in zip(types, found, strict=True)
        ]

    async def aclose(self) -> None:
        """Let the running passage finish and free the threads."""
        self._pool.shutdown(wait=False, cancel_futures=True)
