"""The files that clients may have read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from hashlib import sha256
from pathlib import PurePath
from urllib.parse import quote

import anyio
from mcp.server import MCPServer
from mcp.server.mcpserver import ResourceSecurity

from uniner_mcp.documents.document import Document
from uniner_mcp.documents.folders import Folders, Found
from uniner_mcp.documents.isolation import convert_apart
from uniner_mcp.documents.joining import Joined, join
from uniner_mcp.errors import RequestError
from uniner_mcp.server.guard import no_resource
from uniner_mcp.settings import Settings

CONVERSION_TIMEOUT_S = 60
"""Seconds that the conversion of one file may take."""
_CONVERSIONS = 2
"""Maximum number of files that are converted at once: each takes a process."""
_KEPT = 8
"""Number of converted files that are kept, for the next page of a result."""

Reading = Callable[[int, int], Awaitable[None]]
"""Called after each file, with the number of files that are read and the total."""


class Files:
    """Reads files below the folders that the operator allowed."""

    def __init__(self, settings: Settings) -> None:
        """Take the folders and limits of the settings. Raises SettingsError if a folder does not exist."""
        self._folders = Folders(settings.files)
        self._max_bytes = round(settings.max_file_mb * 1_000_000)
        self._max_chars = settings.max_text_chars
        self._limiter = anyio.Semaphore(_CONVERSIONS)
        self._kept: dict[Found, tuple[bytes, Document]] = {}  # With the hash of the content.

    async def read(self, path: str, on_file: Reading | None = None) -> Joined:
        """Return the text of the file, or of all files that match the pattern. Raises RequestError.

        What cannot be read is a warning, unless it is everything.
        """
        found = await anyio.to_thread.run_sync(self._folders.find, path)
        documents: list[Document] = []
        failed: list[RequestError] = []
        left = self._max_chars
        for number, file in enumerate(found, 1):
            try:
                documents.append(await self._document(file))
            except RequestError as error:
                failed.append(error)
                documents.append(Document(text="", warnings=[f"Not read: {error}"]))
            left -= len(documents[-1].text)
            if left < 0:
                raise RequestError(self._too_long(found))
            if on_file is not None:
                await on_file(number, len(found))
        if len(failed) == len(found):
            raise failed[0]
        return join([file.name for file in found], documents)

    async def _document(self, file: Found) -> Document:
        content = await anyio.to_thread.run_sync(self._folders.read, file, self._max_bytes)
        digest = sha256(content).digest()
        kept = self._kept.pop(file, None)
        if kept is None or kept[0] != digest:
            async with self._limiter:
                suffix = PurePath(file.name).suffix
                kept = digest, await convert_apart(content, suffix, self._max_bytes, CONVERSION_TIMEOUT_S)
        self._kept[file] = kept
        while len(self._kept) > _KEPT:
            del self._kept[next(iter(self._kept))]
        return kept[1]

    def _too_long(self, found: Sequence[Found]) -> str:
        todo = "split it" if len(found) == 1 else "narrow the pattern"
        whole = "The file has" if len(found) == 1 else "The files have together"
        return f"{whole} more than {self._max_chars:,} characters of text (setting `max_text_chars`): {todo}."


def uri_of(path: str) -> str:
    """Return the URI of the resource with the text of the file, or of all files that match a pattern."""
    return f"uniner://files/{quote(path, safe='/*')}"


def add_files(server: MCPServer[object], files: Files) -> None:
    """Add the resource `uniner://files/{path}`."""

    @server.resource(
        "uniner://files/{+path}",
        title="The text of a file",
        mime_type="text/plain",
        # `Folders` decides: clients may name absolute paths below its folders.
        security=ResourceSecurity(exempt_params={"path"}),
    )
    async def text(path: str) -> str:  # pyright: ignore[reportUnusedFunction]
        """The text in which the offsets of extract_from_file count: of one file, or of all that match a pattern."""
        try:
            return (await files.read(path)).text
        except RequestError as error:
            raise no_resource(str(error), uri_of(path)) from None
