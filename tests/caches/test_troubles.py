"""A cache file that is damaged, locked, full, read-only or gone: answers do not wait for it, and it is tried again."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import threading
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from caches.using import GARBAGE, Clock, Warnings, a_file, opened

from uniner_mcp.caches import sqlite
from uniner_mcp.caches.base import Cache
from uniner_mcp.caches.sqlite import cache_stats
from uniner_mcp.caches.troubles import BUSY_PAUSE, PAUSE

pytestmark = pytest.mark.anyio


async def keeps_nothing(cache: Cache) -> bool:
    """Whether the cache takes what it is asked to store, and does not find it."""
    await cache.put_many({"probe": b"1"})
    return await cache.get_many(["probe"]) == {}


@contextmanager
def held(path: Path, mode: str = "WAL") -> Generator[sqlite3.Connection]:
    """Hold the lock of a file, as another process that writes does."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute(f"PRAGMA journal_mode = {mode}")
        other.execute("BEGIN EXCLUSIVE")
        yield other


# Damage


@pytest.mark.parametrize("content", [b"xyz", b"SQLite format 3\x00", GARBAGE], ids=["short", "header only", "long"])
async def test_a_damaged_file_is_set_aside_and_a_new_one_begun(path: Path, content: bytes, warnings: Warnings) -> None:
    async with opened(a_file(path, content)) as cache:
        await cache.put_many({"a": b"1"})
        assert await cache.get_many(["a"]) == {"a": b"1"}
    assert path.with_name("answers.sqlite.damaged").read_bytes() == content
    (warning,) = warnings
    assert warning == f"Answer cache {path}: DatabaseError SQLITE_NOTADB; set aside and recreated."


async def test_a_file_that_is_damaged_while_in_use_is_set_aside(path: Path, warnings: Warnings) -> None:
    values = {str(number): b"." * 500 for number in range(100)}
    async with opened(path) as cache:
        await cache.put_many(values)
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    async with opened(path) as cache:
        await cache.get_many([])
        path.write_bytes(content)
        assert await cache.get_many(list(values)) == {}
        await cache.put_many({"a": b"1"})
        assert await cache.get_many(["a"]) == {"a": b"1"}
    assert path.with_name("answers.sqlite.damaged").exists()
    assert len(list(warnings)) == 1


async def test_the_new_file_that_another_process_began_in_place_of_a_damaged_one_is_kept(path: Path) -> None:
    values = {str(number): b"." * 500 for number in range(100)}
    async with opened(path) as cache, opened(path) as other:
        await cache.put_many(values)
        await other.get_many([])
        with closing(sqlite3.connect(path)) as checkpoint:
            checkpoint.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        path.write_bytes(path.read_bytes()[:4096] + b"\xff" * (path.stat().st_size - 4096))
        await cache.get_many(list(values))
        await cache.put_many({"a": b"1"})
        assert await other.get_many(list(values)) == {}
        assert await other.get_many(["a"]) == {"a": b"1"}


async def test_a_file_that_another_program_keeps_something_in_is_left_alone(path: Path, warnings: Warnings) -> None:
    a_file(path, b"")
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE answers (question TEXT)")
        before = path.read_bytes()
        async with opened(path) as cache:
            assert await keeps_nothing(cache)
    assert path.read_bytes() == before
    assert len(list(warnings)) == 1


async def test_a_file_that_is_damaged_again_is_set_aside_again(path: Path, warnings: Warnings) -> None:
    for _ in range(2):
        async with opened(a_file(path, GARBAGE)) as cache:
            await cache.put_many({"a": b"1"})
            assert await cache.get_many(["a"]) == {"a": b"1"}
    assert len(list(warnings)) == 2


@pytest.mark.parametrize("value", ["'text'", "CAST(x'ff' AS TEXT)", "7", "1.5"])
async def test_a_value_that_is_no_bytes_is_not_found_and_is_replaced(
    path: Path, value: str, warnings: Warnings
) -> None:
    async with opened(path) as cache:
        await cache.put_many({"a": b"1", "b": b"2"})
        with closing(sqlite3.connect(path)) as other, other:
            other.execute(f"UPDATE answers SET value = {value} WHERE key = 'a'")
        assert await cache.get_many(["a", "b"]) == {"b": b"2"}
        await cache.put_many({"a": b"1"})
        assert await cache.get_many(["a", "b"]) == {"a": b"1", "b": b"2"}
    assert not list(warnings)


async def test_a_value_that_another_program_changes_is_counted_with_its_new_length(path: Path) -> None:
    async with opened(path) as cache:
        await cache.put_many({"a": b"1", "b": b"2"})
        with closing(sqlite3.connect(path)) as other, other:
            other.execute("UPDATE answers SET value = zeroblob(10) WHERE key = 'a'")
        assert cache_stats(path).bytes == 11


# Places that cannot be used


@pytest.mark.parametrize("place", ["a directory", "under a file"])
async def test_a_place_where_no_file_can_be_is_reported_once_and_tried_again_after_a_pause(
    tmp_path: Path, place: str, warnings: Warnings, clock: Clock
) -> None:
    path = tmp_path / "place" / "answers.sqlite"
    if place == "a directory":
        path.mkdir(parents=True)
    else:
        a_file(path.parent, b"")
    async with opened(path) as cache:
        assert await keeps_nothing(cache)
        clock.tick(PAUSE)
        assert await keeps_nothing(cache)
        assert len(list(warnings)) == 1
        (warning,) = warnings
        assert str(path) in warning and "not used, tried again every 30 s" in warning
        path.rmdir() if place == "a directory" else path.parent.unlink()
        assert await keeps_nothing(cache)
        clock.tick(PAUSE)
        await cache.put_many({"a": b"1"})
        assert await cache.get_many(["a"]) == {"a": b"1"}
    assert list(warnings) == [warning, f"Answer cache {path}: used again."]


async def test_a_read_only_file_is_read_on_and_written_again_after_a_pause(
    path: Path, warnings: Warnings, connections: list[sqlite3.Connection], clock: Clock
) -> None:
    async with opened(path) as cache:
        await cache.put_many({"a": b"1"})
        connections[-1].execute("PRAGMA query_only = ON")
        await cache.put_many({"b": b"2"})
        assert await cache.get_many(["a", "b"]) == {"a": b"1"}
        clock.tick(PAUSE)
        await cache.put_many({"c": b"3"})
        assert list(await cache.get_many(["a", "b", "c"])) == ["a", "b", "c"]
    assert list(warnings) == [
        f"Answer cache {path}: OperationalError SQLITE_READONLY; not written, tried again every 30 s.",
        f"Answer cache {path}: written again.",
    ]


async def test_on_a_full_disk_it_is_read_on_and_written_again_once_there_is_space(
    path: Path, warnings: Warnings, connections: list[sqlite3.Connection], clock: Clock
) -> None:
    async with opened(path) as cache:
        await cache.put_many({"a": b"1"})
        connections[-1].execute("PRAGMA max_page_count = 1")
        await cache.put_many({"b": b"." * 100_000})
        clock.tick(PAUSE)
        await cache.put_many({"c": b"3"})
        assert await cache.get_many(["a", "b", "c"]) == {"a": b"1"}
        connections[-1].execute("PRAGMA max_page_count = 1000000")
        clock.tick(PAUSE)
        assert await cache.get_many(["a"]) == {"a": b"1"}
        assert list(await cache.get_many(["a", "b", "c"])) == ["a", "b", "c"]
    assert list(warnings) == [
        f"Answer cache {path}: OperationalError SQLITE_FULL; not written, tried again every 30 s.",
        f"Answer cache {path}: written again.",
    ]


@pytest.mark.parametrize("pause", [0.0, BUSY_PAUSE])
async def test_while_nothing_can_be_written_only_the_newest_values_wait(
    path: Path, clock: Clock, pause: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "_WAITING", 2)
    async with opened(path) as cache:
        await cache.put_many({"a": b"1"})
        with held(path):
            for key in "bcde":
                await cache.put_many({key: b"1"})
                clock.tick(pause)
        clock.tick(BUSY_PAUSE)
        await cache.get_many([])
        assert list(await cache.get_many("acde")) == ["a", "d", "e"]


@pytest.mark.skipif(os.name != "posix", reason="Windows does not delete files that are open")
async def test_a_folder_that_is_deleted_while_in_use_is_made_again(path: Path, warnings: Warnings) -> None:
    async with opened(path) as cache:
        await cache.put_many({"a": b"1"})
        shutil.rmtree(path.parent)
        assert await cache.get_many(["a"]) == {}
        await cache.put_many({"b": b"2"})
        async with opened(path) as other:
            assert await other.get_many(["a", "b"]) == {"b": b"2"}
    assert not list(warnings)


@pytest.mark.skipif(os.name != "posix", reason="Windows does not delete files that are open")
async def test_a_file_that_is_replaced_while_in_use_is_the_one_that_is_read(path: Path, warnings: Warnings) -> None:
    async with opened(path) as cache:
        await cache.put_many({"a": b"1"})
        shutil.rmtree(path.parent)
        async with opened(path) as other:
            await other.put_many({"b": b"2"})
            assert await cache.get_many(["a", "b"]) == {"b": b"2"}
            await cache.put_many({"c": b"3"})
            assert await other.get_many(["b", "c"]) == {"b": b"2", "c": b"3"}
    assert not list(warnings)


# Locks


async def test_a_file_that_is_locked_for_a_moment_is_written_later_and_nothing_is_reported(
    path: Path, warnings: Warnings, clock: Clock
) -> None:
    async with opened(path) as cache:
        await cache.put_many({"a": b"1"})
        with held(path):
            await cache.put_many({"b": b"2"})
            await cache.put_many({"c": b"3"})
        assert await cache.get_many(["b", "c"]) == {}
        clock.tick(BUSY_PAUSE)
        await cache.get_many([])
        assert list(await cache.get_many(["a", "b", "c"])) == ["a", "b", "c"]
    assert not list(warnings)


@pytest.mark.parametrize("mode", ["DELETE", "WAL"])
async def test_a_file_that_stays_locked_is_reported_once_and_used_again_afterwards(
    path: Path, mode: str, warnings: Warnings, clock: Clock
) -> None:
    async with opened(path) as cache:
        await cache.put_many({"a": b"1"})
    async with opened(path) as cache:
        with held(path, mode):
            for key in "bcd":
                await cache.put_many({key: b"1"})
                clock.tick(BUSY_PAUSE)
        assert list(await cache.get_many([])) == []
        assert list(await cache.get_many("abcd")) == ["a", "b", "c", "d"]
    means, over = ("not used", "used again") if mode == "DELETE" else ("not written", "written again")
    assert list(warnings) == [
        f"Answer cache {path}: OperationalError SQLITE_BUSY; {means}, tried again every 1 s.",
        f"Answer cache {path}: {over}.",
    ]


async def test_a_lock_is_waited_for_once_in_a_pause_however_often_the_cache_is_asked(
    path: Path, connections: list[sqlite3.Connection], clock: Clock
) -> None:
    statements: list[str] = []
    async with opened(path) as cache:
        await cache.put_many({"a": b"1"})
        connections[-1].set_trace_callback(statements.append)
        with held(path):
            for number in range(50):
                await cache.get_many([str(number)])
                await cache.put_many({str(number): b"1"})
            assert statements.count("BEGIN IMMEDIATE") == 1
            clock.tick(BUSY_PAUSE)
            await cache.get_many([])
            assert statements.count("BEGIN IMMEDIATE") == 2


async def test_a_process_that_stays_busy_with_opening_the_file_is_not_waited_for(
    path: Path, warnings: Warnings, clock: Clock
) -> None:
    a_file(lock := path.with_name("answers.sqlite.lock"), b"")
    with held(lock, "DELETE"):
        async with opened(path) as cache:
            assert await keeps_nothing(cache)
    async with opened(path) as cache:
        assert not await keeps_nothing(cache)
    assert not list(warnings)


async def test_what_waits_is_written_at_closing_even_in_a_pause(path: Path, clock: Clock) -> None:
    async with opened(path) as cache:
        await cache.put_many({"a": b"1"})
        with held(path):
            await cache.put_many({"b": b"2"})
    assert cache_stats(path).entries == 2


async def test_values_are_found_while_another_process_writes(path: Path, warnings: Warnings) -> None:
    async with opened(path) as cache:
        await cache.put_many({"a": b"1"})
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            assert await cache.get_many(["a"]) == {"a": b"1"}
            other.execute("ROLLBACK")
    assert not list(warnings)


# Disks that do not respond


async def test_a_disk_that_does_not_respond_is_not_waited_for_and_used_again_when_it_does(
    path: Path, warnings: Warnings, monkeypatch: pytest.MonkeyPatch
) -> None:
    responds = threading.Event()
    open_now = sqlite.SqliteCache._open

    def open_slowly(cache: sqlite.SqliteCache) -> sqlite3.Connection:
        responds.wait()
        return open_now(cache)

    monkeypatch.setattr(sqlite.SqliteCache, "_open", open_slowly)
    monkeypatch.setattr(sqlite, "_PATIENCE", 0.01)
    async with opened(path) as cache:
        results = await asyncio.gather(*(cache.get_many([key]) for key in "ab"), cache.put_many({"a": b"1"}))
        assert results == [{}, {}, None]
        monkeypatch.setattr(sqlite, "_PATIENCE", 300.0)
        assert await keeps_nothing(cache)
        responds.set()
        while await cache.get_many(["a"]) == {}:
            await asyncio.sleep(0.01)
    assert list(warnings) == [
        f"Answer cache {path}: no response for 0.01 s; not used until there is one.",
        f"Answer cache {path}: used again.",
    ]


async def test_closing_does_not_wait_for_a_disk_that_does_not_respond(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    responds = threading.Event()
    monkeypatch.setattr(sqlite.SqliteCache, "_open", lambda cache: responds.wait())
    monkeypatch.setattr(sqlite, "_PATIENCE", 0.01)
    async with opened(path) as cache:
        await cache.get_many(["a"])
    responds.set()
    cache._thread.shutdown()
