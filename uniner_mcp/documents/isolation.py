"""Converting a file that a stranger may have made, in a process of its own.

It may crash or hang a converter, or unpack to more than fits into memory: then that process ends, and not this one.
"""

from __future__ import annotations

import math
import subprocess
import sys

import anyio

from uniner_mcp.documents.document import Document
from uniner_mcp.documents.reading import CONVERTED_SUFFIXES, convert
from uniner_mcp.errors import RequestError

MAX_MEMORY = 2_000_000_000
"""Maximum address space of the process, in bytes, on systems that limit it."""
_REFUSED = 3
"""Exit code if the file cannot be read; the reason is what was printed."""


async def convert_apart(content: bytes, suffix: str, max_bytes: int, timeout_s: float) -> Document:
    """Return the text of a file with this content and suffix. Raises RequestError.

    If the caller is cancelled, the process is ended.
    """
    if suffix.casefold() not in CONVERTED_SUFFIXES and not content.startswith(b"%PDF-"):
        return await anyio.to_thread.run_sync(convert, content, suffix, max_bytes)
    # -P: modules in the working folder must not be imported.
    command = [sys.executable, "-P", "-m", __name__, suffix, str(max_bytes), str(math.ceil(timeout_s))]
    with anyio.move_on_after(timeout_s):
        done = await anyio.run_process(command, input=content, stderr=subprocess.DEVNULL, check=False)
        if done.returncode == 0:
            return Document.model_validate_json(done.stdout)
        if done.returncode == _REFUSED:
            raise RequestError(done.stdout.decode())
        raise RequestError("The file cannot be converted: it is damaged, or it needs too much memory.")
    raise RequestError(f"The file was not converted within {timeout_s:g} seconds: split it.")


def main() -> None:
    """Convert the file on standard input, whose suffix, maximum size and time are the arguments, to JSON."""
    suffix, max_bytes, seconds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    _limit(seconds)
    try:
        document = convert(sys.stdin.buffer.read(), suffix, max_bytes)
    except RequestError as error:
        sys.stdout.buffer.write(str(error).encode())
        sys.exit(_REFUSED)
    sys.stdout.buffer.write(document.model_dump_json().encode())


def _limit(seconds: int) -> None:
    """Limit memory and time, for the case that the parent is gone."""
    if sys.platform == "win32":
        return
    import resource

    for what, most in ((resource.RLIMIT_AS, MAX_MEMORY), (resource.RLIMIT_CPU, seconds), (resource.RLIMIT_CORE, 0)):
        _, hard = resource.getrlimit(what)
        resource.setrlimit(what, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


if __name__ == "__main__":
    main()
