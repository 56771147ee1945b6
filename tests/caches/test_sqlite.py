from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import platformdirs
import pytest
from caches.using import GARBAGE, Clock, Warnings, a_file, opened
from hypothesis import given
from hypothesis import strategies as st

import uniner_mcp
from uniner_mcp.caches.base import question_key
from uniner_mcp.caches.sqlite import cache_stats, clear_cache, default_cache_path
from uniner_mcp.errors import UninerError
from uniner_mcp.schema import EntityType

pytestmark = pytest.mark.anyio

# Keys


_fields = st.tuples(
    st.text("ab1:-\ud800", max_size=4),
    st.text("ab1:-\ud800", max_size=4),
    st.text("ab1:-\ud800", max_size=4),
    st.none() | st.text("ab1:-\ud800", max_size=4),
)


def key_of(fields: tuple[str, str, str, str | None]) -> str:
    fingerprint, passage, name, definition = fields
    return question_key(fingerprint, passage, EntityType(name=name, definition=definition))


@given(_fields, _fields)
def test_two_questions_have_the_same_key_only_if_all_their_fields_are_the_same(
    one: tuple[str, str, str, str | None], other: tuple[str, str, str, str | None]
) -> None:
    assert (key_of(one) == key_of(other)) == (one == other)


@given(st.text("ab1:-", min_size=1, max_size=12), st.data())
def test_moving_a_boundary_between_two_fields_changes_the_key(letters: str, data: st.DataObject) -> None:
    cuts = st.lists(st.integers(0, len(letters)), min_size=3, max_size=3).map(sorted)

    def split(cut: list[int]) -> tuple[str, str, str, str]:
        first, second, third = cut
        return letters[:first], letters[first:second], letters[second:third], letters[third:]

    one, other = split(data.draw(cuts)), split(data.draw(cuts))
    assert (key_of(one) == key_of(other)) == (one == other)


def test_a_key_tells_nothing_of_the_text() -> None:
    key = question_key("model 1", "Ada met Bob.", EntityType(name="person"))
    assert len(key) == 64
    assert set(key) <= set("0123456789abcdef")


def test_a_type_with_an_empty_definition_is_another_question_than_one_with_none() -> None:
    assert key_of(("m", "t", "n", "")) != key_of(("m", "t", "n", None))


# Keeping and finding


async def test_what_was_put_is_found_and_the_rest_is_not(path: Path) -> None:
    async with opened(path) as cache:
        await cache.put_many({"a": b"1", "b": b"\x00\xff"})
        assert await cache.get_many(["b", "c", "a"]) == {"a": b"1", "b": b"\x00\xff"}


async def test_what_was_put_is_found_after_closing_and_opening_again(path: Path) -> None:
    async with opened(path) as cache:
        await cache.put_many({"a": b"1"})
    async with opened(path) as cache:
        assert await cache.get_many(["a"]) == {"a": b"1"}


async def test_a_later_value_replaces_the_earlier_one_and_is_counted_once(path: Path) -> None:
    async with opened(path) as cache:
        await cache.put_many({"a": b"12345"})
        await cache.put_many({"a": b"123"})
        assert await cache.get_many(["a"]) == {"a": b"123"}
        assert (cache_stats(path).entries, cache_stats(path).bytes) == (1, 3)


async def test_the_file_is_in_wal_mode(path: Path) -> None:
    async with opened(path) as cache:
        await cache.put_many({"a": b"1"})
        with closing(sqlite3.connect(path)) as other:
            assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)


async def test_nothing_is_made_before_the_first_use(path: Path) -> None:
    async with opened(path):
        pass
    assert not path.parent.exists()


async def test_all_work_on_the_file_is_done_in_one_other_thread(
    path: Path, connections: list[sqlite3.Connection]
) -> None:
    threads = set[int]()
    async with opened(path) as cache:
        await cache.get_many([])
        connections[-1].set_trace_callback(lambda statement: threads.add(threading.get_ident()))
        await cache.put_many({"a": b"1"})
        await cache.get_many(["a"])
    assert len(threads) == 1
    assert threading.get_ident() not in threads


@pytest.mark.skipif(os.name != "posix", reason="modes of POSIX")
async def test_only_the_owner_may_read_the_file_and_its_folder(path: Path) -> None:
    def mode(of: Path) -> int:
        return stat.S_IMODE(of.stat().st_mode)

    async with opened(path) as cache:
        await cache.put_many({"a": b"1"})
        assert mode(path.parent) == 0o700
        assert {file.name: mode(file) for file in path.parent.iterdir()} == {
            "answers.sqlite": 0o600,
            "answers.sqlite-wal": 0o600,
            "answers.sqlite-shm": 0o600,
            "answers.sqlite.lock": 0o600,
        }


async def test_the_mode_of_a_folder_that_was_there_is_left_alone(tmp_path: Path) -> None:
    before = tmp_path.stat().st_mode
    async with opened(tmp_path / "answers.sqlite") as cache:
        await cache.put_many({"a": b"1"})
    assert tmp_path.stat().st_mode == before


async def test_closing_twice_is_harmless_and_a_closed_cache_knows_nothing(path: Path) -> None:
    async with opened(path) as cache:
        await cache.put_many({"a": b"1"})
        await cache.aclose()
        await cache.put_many({"b": b"2"})
        assert await cache.get_many(["a", "b"]) == {}
    assert cache_stats(path).entries == 1


# Limits


async def test_the_values_used_longest_ago_are_evicted_until_nine_tenths_are_left(path: Path, clock: Clock) -> None:
    async with opened(path, max_bytes=100) as cache:
        for key in "abcdefghij":
            await cache.put_many({key: b"." * 10})
            clock.tick()
        assert cache_stats(path).bytes == 100
        assert list(await cache.get_many(["a", "c"])) == ["a", "c"]
        clock.tick()
        await cache.put_many({"k": b"." * 10})
        assert cache_stats(path).bytes == 90
        assert "".join(await cache.get_many("abcdefghijk")) == "acefghijk"


async def test_a_use_counts_after_closing_and_opening_again(path: Path, clock: Clock) -> None:
    async with opened(path, max_bytes=20) as cache:
        await cache.put_many({"a": b"." * 9})
        clock.tick()
        await cache.put_many({"b": b"." * 9})
        clock.tick()
        await cache.get_many(["a"])
    async with opened(path, max_bytes=20) as cache:
        clock.tick()
        await cache.put_many({"c": b"." * 9})
        assert list(await cache.get_many(["a", "b", "c"])) == ["a", "c"]


async def test_uses_are_written_down_after_many_reads_even_if_nothing_is_put(path: Path, clock: Clock) -> None:
    keys = [str(number) for number in range(300)]
    async with opened(path) as cache:
        await cache.put_many(dict.fromkeys(keys, b"1"))
        clock.tick()
        await cache.get_many(keys)
        with closing(sqlite3.connect(path)) as other:
            assert other.execute("SELECT count(*) FROM answers WHERE used > made").fetchone() == (300,)


async def test_a_single_read_does_not_write(path: Path, clock: Clock) -> None:
    async with opened(path) as cache:
        await cache.put_many({"a": b"1"})
        clock.tick()
        await cache.get_many(["a"])
        with closing(sqlite3.connect(path)) as other:
            assert other.execute("SELECT count(*) FROM answers WHERE used > made").fetchone() == (0,)


async def test_an_eviction_larger_than_one_step_is_carried_through(path: Path) -> None:
    async with opened(path, max_bytes=10_000) as cache:
        await cache.put_many({str(number): b"." * 10 for number in range(3500)})
        assert (cache_stats(path).entries, cache_stats(path).bytes) == (900, 9000)


async def test_a_value_larger_than_the_cache_is_not_kept(path: Path) -> None:
    async with opened(path, max_bytes=10) as cache:
        await cache.put_many({"a": b"." * 11})
        assert await cache.get_many(["a"]) == {}
        assert cache_stats(path).bytes == 0


async def test_a_value_older_than_the_greatest_age_is_forgotten(path: Path, clock: Clock) -> None:
    async with opened(path, max_age=timedelta(days=1)) as cache:
        await cache.put_many({"a": b"1"})
        clock.tick(timedelta(days=1))
        assert await cache.get_many(["a"]) == {"a": b"1"}
        clock.tick()
        assert await cache.get_many(["a"]) == {}


async def test_what_is_too_old_is_removed_with_the_next_value_put(path: Path, clock: Clock) -> None:
    async with opened(path, max_age=timedelta(days=1)) as cache:
        await cache.put_many({"a": b"1"})
        clock.tick(timedelta(days=2))
        await cache.put_many({"b": b"2"})
        assert (cache_stats(path).entries, cache_stats(path).bytes) == (1, 1)


async def test_the_greatest_age_may_reach_back_before_1970(path: Path) -> None:
    async with opened(path, max_age=timedelta.max) as cache:
        await cache.put_many({"a": b"1"})
        assert await cache.get_many(["a"]) == {"a": b"1"}


# Several processes


WRITER = """
import asyncio, pathlib, sys
from uniner_mcp.caches import sqlite

sqlite._BUSY_SECONDS = sqlite._PATIENCE = 300  # However slow the machine is, no process gives up on the other.

async def main(path, name):
    cache = sqlite.SqliteCache(pathlib.Path(path))
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(100):
        await cache.put_many({f"{name}{number}": b"1", "shared": name.encode()})
        assert f"{name}{number}" in await cache.get_many([f"{name}{number}"])
    await cache.aclose()

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.parametrize("damaged", [False, True], ids=["no file yet", "a damaged file"])
def test_two_processes_that_begin_and_write_at_once_lose_nothing(path: Path, damaged: bool) -> None:
    if damaged:
        a_file(path, GARBAGE)
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), name],
            env=os.environ | {"PYTHONPATH": str(Path(uniner_mcp.__file__).parents[1])},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name in "ab"
    ]
    for writer in writers:
        assert writer.stdout
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        assert writer.stdin
        writer.stdin.write("go\n")
        writer.stdin.flush()
    reports = "".join(writer.communicate()[1] for writer in writers)
    assert [writer.returncode for writer in writers] == [0, 0], reports
    assert (cache_stats(path).entries, cache_stats(path).bytes) == (201, 201)
    assert ("set aside" in reports) == damaged
    assert "again" not in reports


async def test_a_file_of_another_version_is_begun_anew(path: Path, warnings: Warnings) -> None:
    async with opened(path) as cache:
        await cache.put_many({"a": b"1"})
    with closing(sqlite3.connect(path)) as other:
        other.execute("DROP TABLE answers")
        other.execute("CREATE TABLE answers (something TEXT)")
        other.execute("PRAGMA user_version = 99")
    async with opened(path) as cache:
        assert await cache.get_many(["a"]) == {}
        await cache.put_many({"b": b"2"})
        assert await cache.get_many(["b"]) == {"b": b"2"}
    assert not list(warnings)
    assert (cache_stats(path).entries, cache_stats(path).bytes) == (1, 1)


# From outside


def test_a_cache_that_is_not_there_holds_nothing_and_is_not_made(path: Path) -> None:
    stats = cache_stats(path)
    assert (stats.path, stats.entries, stats.bytes, stats.oldest, stats.newest) == (path, 0, 0, None, None)
    assert clear_cache(path) == 0
    assert not path.parent.exists()


async def test_the_statistics_tell_entries_bytes_and_ages(path: Path, clock: Clock) -> None:
    first = clock.now
    async with opened(path) as cache:
        await cache.put_many({"a": b"123"})
        clock.tick(timedelta(days=3))
        await cache.put_many({"b": b"45"})
    stats = cache_stats(path)
    assert (stats.entries, stats.bytes) == (2, 5)
    assert (stats.oldest, stats.newest) == (first, first + timedelta(days=3))


async def test_clearing_tells_how_many_there_were_and_leaves_nothing_of_them_in_the_folder(path: Path) -> None:
    a_file(path.with_name("answers.sqlite.damaged"), b"Ada Lovelace")
    async with opened(path) as cache:
        await cache.put_many({"a": b"Ada Lovelace", "b": b"Grace Hopper"})
    assert clear_cache(path) == 2
    assert cache_stats(path).entries == 0
    left = b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert b"Lovelace" not in left
    assert b"Hopper" not in left


async def test_a_cache_can_be_cleared_while_it_is_in_use(path: Path, warnings: Warnings) -> None:
    async with opened(path) as cache:
        await cache.put_many({"a": b"1"})
        assert clear_cache(path) == 1
        assert await cache.get_many(["a"]) == {}
        await cache.put_many({"b": b"22"})
        assert await cache.get_many(["b"]) == {"b": b"22"}
        assert (cache_stats(path).entries, cache_stats(path).bytes) == (1, 2)
    assert not list(warnings)


@pytest.mark.parametrize("look", [cache_stats, clear_cache])
def test_a_file_that_cannot_be_looked_into_is_an_error_that_names_it(
    path: Path, look: Callable[[Path], object]
) -> None:
    with pytest.raises(UninerError, match=r"answers\.sqlite cannot be used \(DatabaseError SQLITE_NOTADB\)"):
        look(a_file(path, GARBAGE))


def test_the_default_place_is_in_the_users_cache_folder() -> None:
    assert default_cache_path() == platformdirs.user_cache_path("uniner-mcp") / "answers.sqlite"
