"""The extractor for callers without an event loop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Sequence
from concurrent.futures import Future
from contextlib import suppress
from threading import Lock, Thread
from typing import Any, NoReturn, Self
from weakref import finalize

from uniner_mcp.errors import UninerError
from uniner_mcp.extraction.extractor import Extractor
from uniner_mcp.extraction.process import OwnProcess, is_ending
from uniner_mcp.extraction.request import Meanings, renamed
from uniner_mcp.schema import Extraction
from uniner_mcp.settings import Settings

logger = logging.getLogger(__name__)


class SyncExtractor:
    """`Extractor` for synchronous code, also in a notebook.

        with SyncExtractor.open() as extractor:
            extraction = extractor.extract(text, entity_types=["person"])

    Without `with`, call `close`. One that is forgotten is closed when it is garbage-collected, and does not keep Python
    from ending. Several threads may share it; processes may not: open one in each.
    """

    def __init__(self, extractor: Extractor) -> None:
        """Create a synchronous extractor. `open` does this from the settings.

        Args:
            extractor: The extractor to use, which is closed together with this one.
        """
        self._extractor = extractor
        self._process = OwnProcess()
        self._lock = Lock()
        self._thread: _LoopThread | None = None
        self._closed = False

    @classmethod
    def open(cls, settings: Settings | None = None) -> Self:
        """Open an extractor with the engine that the settings select. The model is loaded by the first request.

        Args:
            settings: The settings; default: `load_settings()`.

        Returns:
            The extractor. Close it when you are done.

        Raises:
            SettingsError: If a setting is not valid or contradicts another.
            EngineError: If the engine cannot be opened.
        """
        return cls(Extractor.open(settings))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce__(self) -> NoReturn:
        raise TypeError("A SyncExtractor cannot be pickled: open one in each process.")

    def close(self) -> None:
        """Close the engine and its cache. Requests of other threads that are still running fail."""
        if not self._process.is_this():
            return  # It belongs to the parent, which still uses it.
        with self._lock:
            closed, self._closed = self._closed, True
            # When Python is ending, the threads that would have to close have ended.
            thread = None if closed or is_ending() else self._started()
        if thread is not None:
            thread.close()

    def extract(
        self,
        text: str,
        entity_types: Sequence[str] | str | None = None,
        domain: str | None = None,
        meanings: Meanings | None = None,
        *,
        min_confidence: float | None = 0.0,
        overlap: str | None = "flat",
        limit: int | None = None,
        start: int | None = 0,
        consent: bool | None = None,
        definitions: Meanings | None = None,
    ) -> Extraction:
        """Find every mention of the given entity types in `text`, as `Extractor.extract`.

        Args:
            text: The text to search, up to the setting `max_text_chars` (default: 1,000,000 characters).
            entity_types: Entity types in plain words, such as "person", as a list or as one string with commas. Give
                either this or `domain`.
            domain: Name of a domain of the catalogue, which stands for its entity types.
            meanings: What requested types mean, in one sentence each: a mapping of names to meanings, or a list of
                objects with `type` and `meaning`.
            min_confidence: Omit entities with a lower confidence (0 to 1). Entities without a confidence are kept.
            overlap: "flat": no entities overlap, the most specific credible type is kept; "nested": one may be inside
                another; "all": any may overlap.
            limit: Return only the first entities, up to this number; default: all. The result says from which offset
                on entities are left out (`next_start`).
            start: Return only entities that begin at this offset or later. Passages before it are not read, except the
                last one.
            consent: Whether the user agrees that the text is sent to a teacher, for fallback policies that require
                consent; None: the user was not asked.
            definitions: Deprecated name of `meanings`.

        Returns:
            The entities, with offsets in Unicode code points of `text`. Questions that failed, or were not answered
                within the setting `request_timeout_s`, are listed in `unanswered`.

        Raises:
            RequestError: If the request is not valid.
            ExtractionError: If no question could be answered.
            UninerError: If the extractor is closed, or used by another process, or Python is ending.
        """
        extracting = self.submit(
            text,
            entity_types,
            domain,
            renamed(meanings, definitions),
            min_confidence=min_confidence,
            overlap=overlap,
            limit=limit,
            start=start,
            consent=consent,
        )
        try:
            return extracting.result()
        finally:
            extracting.cancel()  # If Ctrl+C interrupted it; otherwise it is done.

    def submit(self, *given: Any, **more: Any) -> Future[Extraction]:
        """Start extracting, with the arguments of `extract`, and return a future of the result.

        Futures are those of `concurrent.futures`; cancelling one stops the work.

        Raises:
            UninerError: If the extractor is closed, or used by another process, or Python is ending.
        """
        self._process.claim()
        with self._lock:
            if self._closed:
                raise UninerError("This SyncExtractor is closed: open a new one.")
            return self._started().submit(self._extractor.extract(*given, **more))

    def _started(self) -> _LoopThread:
        if self._thread is None:
            self._thread = _LoopThread(self._extractor)
            # Garbage is collected anywhere, also in a thread that holds a lock which closing needs: do not wait then.
            # At the end of the process the engine's threads have already ended, so there is nothing left to close.
            finalize(self, self._thread.abandon).atexit = False
        return self._thread


class _LoopThread:
    """A thread with an event loop, in which `extractor` is used, and closed at the end."""

    def __init__(self, extractor: Extractor) -> None:
        self._process = OwnProcess()
        self._process.claim()
        self._loop = asyncio.new_event_loop()
        self._stopping = asyncio.Event()
        self._ended = Future[None]()
        # A daemon, so that Python can end without it. Nothing that is destroyed when Python ends may wait for it, as
        # the generator of anyio's portal does: daemons have stopped by then.
        Thread(target=self._run, args=(extractor,), name="uniner", daemon=True).start()

    def submit(self, extracting: Coroutine[Any, Any, Extraction]) -> Future[Extraction]:
        return asyncio.run_coroutine_threadsafe(extracting, self._loop)

    def close(self) -> None:
        """Close the extractor, and wait until the thread has ended. Raises what closing raises."""
        self._stop()
        self._ended.result()

    def abandon(self) -> None:
        """Let the thread close the extractor and end, without waiting for it."""
        if self._process.is_this() and not self._ended.done():
            self._ended.add_done_callback(_report)
            self._stop()

    def _stop(self) -> None:
        with suppress(RuntimeError):  # The loop is closed.
            self._loop.call_soon_threadsafe(self._stopping.set)

    def _run(self, extractor: Extractor) -> None:
        try:
            with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
                runner.run(self._serve(extractor))
        except BaseException as error:
            self._ended.set_exception(error)
        else:
            self._ended.set_result(None)

    async def _serve(self, extractor: Extractor) -> None:
        await self._stopping.wait()
        await extractor.aclose()
        # Running requests fail now, as the engine is closed; their callers wait for that.
        if running := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(running)


def _report(ended: Future[None]) -> None:
    error = ended.exception()
    if error is not None and not is_ending():
        logger.warning("An extractor could not be closed: %s", type(error).__name__)
