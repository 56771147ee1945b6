"""The `Cache` protocol, the statistics of a cache, and the key under which an answer is stored."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from uniner_mcp.schema import EntityType

_FORMAT = "uniner-mcp answer 2"


class Cache(Protocol):
    """A store of values by key.

    No method raises: a cache that cannot be read returns nothing, and one that cannot be written drops values.
    """

    async def get_many(self, keys: Sequence[str]) -> dict[str, bytes]:
        """Return the stored values, by key."""
        ...

    async def put_many(self, items: Mapping[str, bytes]) -> None:
        """Store these values; an existing value with the same key is replaced."""
        ...

    async def aclose(self) -> None:
        """Release all resources. Calling it twice is harmless."""
        ...


class NoCache:
    """A cache that stores nothing, for use without a cache."""

    async def get_many(self, keys: Sequence[str]) -> dict[str, bytes]:
        """Return nothing."""
        return {}

    async def put_many(self, items: Mapping[str, bytes]) -> None:
        """Store nothing."""

    async def aclose(self) -> None:
        """Do nothing."""


def question_key(fingerprint: str, passage: str, type: EntityType) -> str:
    """Return the key of the question about `type` in `passage`, for the model with `fingerprint`.

    It is a SHA-256 in hex, so that a key does not contain the text. It does not depend on the offset of the passage in
    its text, because the offsets of an answer are relative to the passage.
    """
    digest = hashlib.sha256()
    for field in (_FORMAT, fingerprint, passage, type.name, type.definition):
        if field is None:
            digest.update(b"-")
        else:
            # A Python string may contain unpaired surrogates, which must not make two texts equal.
            encoded = field.encode("utf-8", "surrogatepass")
            digest.update(b"%d:" % len(encoded) + encoded)
    return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class CacheStats:
    """Statistics of a cache file: number of answers, bytes of values, and the times of the answers (UTC)."""

    path: Path
    entries: int
    bytes: int
    oldest: datetime | None
    newest: datetime | None
