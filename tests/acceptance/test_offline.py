"""A default server uses no network and writes nothing outside its cache folder, native code included."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import anyio
import pytest
from mcp import Client, StdioServerParameters

from uniner_mcp.onnx import VARIABLE

SENTENCE = "Marie Curie was born in Warsaw."
SECONDS = 120
"""How long the server is watched: telemetry is sent ten seconds after the start, and again with back-off."""
CALLS = "connect,sendto,sendmsg,sendmmsg,openat,open,creat,mkdir,mkdirat,rename,renameat,renameat2,unlink,unlinkat,link"
ABROAD = re.compile(r"\b(?:connect|send\w+)\(.*(?:AF_INET|nscd|resolve)")
WRITES = re.compile(r'\b(?:open|openat|creat|mkdir|mkdirat)\((?:AT_FDCWD, )?"([^"]+)", (?!O_RDONLY)')


def environment(home: Path, **more: str) -> dict[str, str]:
    """What a user's shell has. Telemetry of libraries is often off where `CI` is set."""
    return {"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1", **more}


def files_after_extract(home: Path, **more: str) -> set[str]:
    home.mkdir()
    command = [sys.executable, "-m", "uniner_mcp", "extract", SENTENCE, "--types", "person"]
    subprocess.run(command, env=environment(home, **more), cwd=home, check=True, capture_output=True)
    return {str(path.relative_to(home)) for path in home.rglob("*") if path.is_file()}


def test_extract_leaves_only_the_cache_in_the_home_folder(tmp_path: Path) -> None:
    left = files_after_extract(tmp_path / "default")
    assert left and all(re.fullmatch(r"(\.cache|Library/Caches)/uniner-mcp/answers\.sqlite.*", name) for name in left)


@pytest.mark.skipif(sys.platform != "linux", reason="onnxruntime writes its files elsewhere on other systems")
def test_a_user_who_sets_the_variable_is_not_overruled(tmp_path: Path) -> None:
    # Also shows that the test above would see the telemetry.
    left = files_after_extract(tmp_path / "on", **{VARIABLE: "0"})
    assert any(".onnxruntime" in name for name in left)


@pytest.mark.slow
@pytest.mark.anyio
@pytest.mark.timeout(900)
@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed: apt-get install strace")
async def test_a_server_that_runs_for_minutes_reaches_no_network_and_writes_only_its_cache(tmp_path: Path) -> None:
    home, log = tmp_path / "home", tmp_path / "calls"
    home.mkdir()
    traced = ["-f", "-qq", "-e", f"trace={CALLS}", "-o", str(log), sys.executable, "-m", "uniner_mcp", "serve"]
    server = StdioServerParameters(command="strace", args=traced, env=environment(home), cwd=str(home))
    async with Client(server) as client:
        end = time.monotonic() + SECONDS
        number = 0
        while time.monotonic() < end:
            number += 1
            text = f"{SENTENCE} {number}"
            result = await client.call_tool("extract_entities", {"text": text, "entity_types": ["person"]})
            assert not result.is_error
            await anyio.sleep(0.5)
    calls = log.read_text(encoding="utf-8", errors="replace").splitlines()
    assert [line for line in calls if ABROAD.search(line)] == []
    written = {found[1] for line in calls if " = -1 " not in line and (found := WRITES.search(line))}
    cache = str(home / ".cache")
    assert any(path.startswith(cache) for path in written)
    assert [
        path for path in written if not path.startswith(("/dev/", "/proc/", f"{cache}/uniner-mcp")) and path != cache
    ] == []
