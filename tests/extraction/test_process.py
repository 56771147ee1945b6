"""Scripts that end in every way, and processes that fork, with the real student: nothing keeps them from ending."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

START = """
import atexit, gc, multiprocessing, os, sys, threading
from uniner_mcp import Extractor, SyncExtractor, UninerError

TEXT = "Marie Curie worked in Paris."

def show(extractor, *_):
    try:
        print(*[entity.text for entity in extractor.extract(TEXT, ["person"]).entities], flush=True)
    except UninerError as error:
        print(str(error).partition(":")[0], flush=True)

def forked(work):
    child = os.fork()
    if not child:
        work()
        sys.exit(3)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)

def shows_its_own():
    with SyncExtractor.open() as own:
        show(own)

if __name__ == "__main__":
    extractor = SyncExtractor.open()
"""
FOUND = "Marie Curie"
ENDING = "Python is ending, so nothing can be extracted any more"
FOREIGN = "This extractor is used by the process that this one was forked from"
forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


def ended(script: str) -> tuple[int, list[str], str]:
    """Run a script that begins with START. Return its exit code, the lines it printed, and its stderr."""
    lines = "".join(f"    {line}\n" for line in script.splitlines())
    done = subprocess.run([sys.executable, "-c", START + lines], capture_output=True, text=True, timeout=240)
    return done.returncode, done.stdout.splitlines(), done.stderr


@pytest.mark.parametrize(
    ("script", "printed"),
    [
        ("show(extractor)", [FOUND]),
        ("show(extractor)\natexit.register(extractor.close)", [FOUND]),
        ("show(extractor)\natexit.register(show, extractor)", [FOUND, ENDING]),
        ("show(extractor)\nthreading.Thread(target=show, args=[extractor]).start()\nsys.exit()", [FOUND]),
    ],
    ids=["forgotten", "closed at exit", "used at exit", "in a thread"],
)
def test_a_script_ends(script: str, printed: list[str]) -> None:
    code, lines, said = ended(script)
    # Whether a thread that is not waited for is in time is left to chance.
    assert code == 0 and lines[: len(printed)] == printed and "Traceback" not in said


def test_a_script_that_fails_ends_with_its_error() -> None:
    code, lines, said = ended("show(extractor)\nraise ValueError('mine')")
    assert code == 1 and lines == [FOUND] and said.strip().endswith("ValueError: mine")


@forks
@pytest.mark.parametrize(
    ("script", "printed"),
    [
        ("show(extractor)\nforked(lambda: None)\nshow(extractor)", [FOUND, "3", FOUND]),
        ("show(extractor)\nforked(lambda: show(extractor))\nshow(extractor)", [FOUND, FOREIGN, "3", FOUND]),
        ("show(extractor)\nforked(extractor.close)\nshow(extractor)", [FOUND, "3", FOUND]),
        ("show(extractor)\nforked(shows_its_own)\nshow(extractor)", [FOUND, FOUND, "3", FOUND]),
        ("forked(lambda: show(extractor))\nshow(extractor)", [FOUND, "3", FOUND]),
        (
            "show(extractor)\ndef drop():\n    global extractor\n    del extractor\n    gc.collect()\n"
            "forked(drop)\nshow(extractor)",
            [FOUND, "3", FOUND],
        ),
    ],
    ids=["unused", "used", "closed", "opened again", "opened before", "dropped"],
)
def test_a_process_may_fork_after_its_extractor_was_opened(script: str, printed: list[str]) -> None:
    code, lines, said = ended(script)
    assert (code, lines) == (0, printed), said


@forks
def test_a_process_may_fork_while_the_model_is_loaded_in_another_thread() -> None:
    # The load has begun when the first of its modules is there.
    script = """loading = threading.Thread(target=show, args=[extractor])
loading.start()
while "numpy" not in sys.modules:
    threading.Event().wait(0.001)
forked(shows_its_own)
loading.join()"""
    code, lines, said = ended(script)
    assert code == 0 and sorted(lines) == ["3", FOUND, FOUND], said


@forks
def test_an_asynchronous_extractor_says_that_it_is_used_by_the_parent_and_is_left_open_there() -> None:
    script = """import asyncio
engine = Extractor.open()
class Sync:
    def extract(self, *given):
        return asyncio.run(engine.extract(*given))
show(Sync())
forked(lambda: (show(Sync()), asyncio.run(engine.aclose())))
show(Sync())"""
    code, lines, said = ended(script)
    assert (code, lines) == (0, [FOUND, FOREIGN, "3", FOUND]), said
