"""What a cache is, what can be known of it, and the key under which the answer to a question is kept."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from uniner_mcp.schema import EntityType

_FORMAT = "uniner-mcp answer 1"


class Cache(Protocol):
    """A store of values by key.

    No method raises: a cache that cannot be read knows nothing, and one that cannot be written forgets.
    """

    async def get_many(self, keys: Sequence[str]) -> dict[str, bytes]:
        """The values that are known, by key."""
        ...

    async def put_many(self, items: Mapping[str, bytes]) -> None:
        """Keep these values; a value that was there under the same key is replaced."""
        ...

    async def aclose(self) -> None:
        """Free what the cache holds. Calling it twice is harmless."""
        ...


class NoCache:
    """A cache that remembers nothing, for those who want none."""

    async def get_many(self, keys: Sequence[str]) -> dict[str, bytes]:
        """Nothing is known."""
        return {}

    async def put_many(self, items: Mapping[str, bytes]) -> None:
        """Nothing is kept."""

    async def aclose(self) -> None:
        """Nothing is held."""


def question_key(fingerprint: str, passage: str, type: EntityType) -> str:
    """Key of the question whether `passage` mentions `type`, put to the model with `fingerprint`.

    A SHA-256 in hex, so that a key tells nothing of the text. Where the passage starts in its text does not matter,
    since an answer's offsets are relative to the passage.
    """
    digest = hashlib.sha256()
    for field in (_FORMAT, fingerprint, passage, type.name, type.definition):
        if field is None:
            digest.update(b"-")
        else:
            # Half of a surrogate pair can stand in a Python string, and must not make two texts one.
            encoded = field.encode("utf-8", "surrogatepass")
            digest.update(b"%d:" % len(encoded) + encoded)
    return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class CacheStats:
    """What a cache file holds: how many answers, how many bytes of values, and when they were given (UTC)."""

    path: Path
    entries: int
    bytes: int
    oldest: datetime | None
    newest: datetime | None
