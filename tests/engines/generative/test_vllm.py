"""What of the vLLM engine works without vLLM. tests/real/test_vllm.py has the rest."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from types import ModuleType
from typing import ClassVar

import pytest

from uniner_mcp.engines import loading
from uniner_mcp.engines.generative import vllm
from uniner_mcp.engines.generative.conversation import Conversation, Piece, Prompt
from uniner_mcp.engines.generative.engine import Sampling
from uniner_mcp.engines.generative.vllm import VllmModel, spell, tokenizer_prompt_ids
from uniner_mcp.errors import EngineError, SettingsError

CONVERSATION = Conversation("Text: {text}</s>USER: {type}", special_tokens=["</s>"])


async def failure_of(model: VllmModel) -> str:
    with pytest.raises(EngineError) as raised:
        await model.complete_all(CONVERSATION, "Ada", ["person"], Sampling(8, ()))
    await model.aclose()
    assert "Ada" not in str(raised.value)
    return str(raised.value)


@pytest.mark.anyio
@pytest.mark.skipif(importlib.util.find_spec("vllm") is not None, reason="vllm is installed")
async def test_without_the_package_it_says_what_to_install() -> None:
    assert "[vllm]'" in await failure_of(VllmModel("x", {}))


@dataclass
class Arguments:
    model: str
    dtype: str = "auto"
    enable_prefix_caching: bool = False
    disable_log_stats: bool = False
    worker_extension_cls: str = ""


class NoEngine:
    """In place of AsyncLLMEngine: it fails as it is told."""

    error: Exception

    @classmethod
    def from_engine_args(cls, arguments: Arguments) -> None:
        assert arguments.enable_prefix_caching
        raise cls.error


@pytest.fixture
def no_engine(monkeypatch: pytest.MonkeyPatch) -> type[NoEngine]:
    package = ModuleType("vllm")
    vars(package).update(AsyncEngineArgs=Arguments, AsyncLLMEngine=NoEngine, __version__="9")
    monkeypatch.setitem(sys.modules, "vllm", package)
    for name in (*vllm.ENVIRONMENT, vllm.OWNER):
        monkeypatch.setenv(name, "unset")
        monkeypatch.delenv(name)
    return NoEngine


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (RuntimeError("Engine core initialization failed."), "gpu_memory_utilization"),
        (ValueError("Free memory on device is less than desired"), "max_model_len"),
        (ValueError("Input should be 'auto', 'half'"), "vllm_options"),
        (ValueError("Invalid repository ID or local directory specified"), "set `model`"),
        (FileNotFoundError("no such model"), "set `model`"),
        (TypeError("x"), "uniner-mcp doctor"),
    ],
)
async def test_a_failed_load_says_what_to_do(no_engine: type[NoEngine], error: Exception, remedy: str) -> None:
    no_engine.error = error
    assert remedy in await failure_of(VllmModel("x", {"dtype": "float32"}))


@pytest.mark.anyio
async def test_a_failed_load_is_repeated_after_a_pause(
    no_engine: type[NoEngine], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "RETRY_AFTER", 1000.0)
    no_engine.error = RuntimeError("no free memory")
    model = VllmModel("x", {})
    question = CONVERSATION, "Ada", ["person"], Sampling(8, ())
    with pytest.raises(EngineError, match="did not start"):
        await model.complete_all(*question)
    no_engine.error = FileNotFoundError("no such model")
    with pytest.raises(EngineError, match="did not start"):
        await model.complete_all(*question)
    monkeypatch.setattr(loading, "RETRY_AFTER", 0.0)
    assert "set `model`" in await failure_of(model)


class DyingEngine:
    """In place of AsyncLLMEngine: it dies of the first question."""

    opened: ClassVar[list[DyingEngine]] = []
    errored = False

    def __init__(self) -> None:
        self.shut_down = threading.Event()

    @classmethod
    def from_engine_args(cls, arguments: Arguments) -> DyingEngine:
        assert all(engine.shut_down.is_set() for engine in cls.opened)
        cls.opened.append(cls())
        return cls.opened[-1]

    def get_tokenizer(self) -> None:
        self.errored = True
        raise RuntimeError("Ada")

    def shutdown(self) -> None:
        self.shut_down.set()


@pytest.mark.anyio
async def test_an_engine_that_stops_is_shut_down_and_loaded_again_after_a_pause(
    no_engine: type[NoEngine], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["vllm"], "AsyncLLMEngine", DyingEngine)
    monkeypatch.setattr(vllm, "_sampling_params", lambda sampling: None)
    monkeypatch.setattr(DyingEngine, "opened", [])
    model = VllmModel("x", {})
    question = CONVERSATION, "Ada", ["person", "city"], Sampling(8, ())
    for number in (1, 2):
        monkeypatch.setattr(loading, "RETRY_AFTER", 0.0)
        assert ["has stopped" in str(answer) for answer in await model.complete_all(*question)] == [True, True]
        assert await asyncio.to_thread(DyingEngine.opened[-1].shut_down.wait)
        monkeypatch.setattr(loading, "RETRY_AFTER", 1000.0)
        with pytest.raises(EngineError, match="has stopped"):
            await model.complete_all(*question)
        assert len(DyingEngine.opened) == number
    await model.aclose()
    assert all(engine.shut_down.is_set() for engine in DyingEngine.opened)


@pytest.mark.anyio
async def test_a_package_that_cannot_be_imported_says_how_to_see_why(no_engine: type[NoEngine]) -> None:
    del sys.modules["vllm"].AsyncEngineArgs  # type: ignore[attr-defined]
    assert "import vllm" in await failure_of(VllmModel("x", {}))


@pytest.mark.anyio
@pytest.mark.parametrize("name", ["max_length", "model"])
async def test_an_unknown_option_is_named(no_engine: type[NoEngine], name: str) -> None:
    with pytest.raises(SettingsError, match=f"`{name}`"):
        await VllmModel("x", {name: 1}).complete_all(CONVERSATION, "Ada", ["person"], Sampling(8, ()))


@pytest.mark.anyio
async def test_what_the_operator_said_to_vllm_stays(no_engine: type[NoEngine], monkeypatch: pytest.MonkeyPatch) -> None:
    no_engine.error = RuntimeError()
    monkeypatch.setenv("VLLM_NO_USAGE_STATS", "0")
    await failure_of(VllmModel("x", {}))
    assert os.environ["VLLM_NO_USAGE_STATS"] == "0"
    assert os.environ["VLLM_LOGGING_STREAM"] == "ext://sys.stderr"
    assert os.environ[vllm.OWNER] == str(os.getpid())


@pytest.mark.anyio
async def test_closed_it_answers_nothing() -> None:
    model = VllmModel("x", {})
    await model.aclose()
    await model.aclose()
    model.warm_up()
    assert "closed" in await failure_of(model)


class LetterTokenizer:
    """A tokenizer as `transformers` makes them, with an id for each letter; specials have ids of their own."""

    special = ("<unk>", "<s>", "</s>")
    unk_token, unk_token_id, bos_token_id = "<unk>", 0, 1

    def __init__(self, begins: bool = True) -> None:
        self.begins = begins

    def __call__(
        self, text: str, add_special_tokens: bool = True, split_special_tokens: bool = False
    ) -> dict[str, list[int]]:
        assert split_special_tokens or not text
        beginning = [1] if add_special_tokens and self.begins else []
        return {"input_ids": beginning + [1000 + ord(letter) for letter in text]}

    def convert_tokens_to_ids(self, token: str) -> int:
        return self.special.index(token) if token in self.special else self.unk_token_id


def letters(text: str) -> list[int]:
    return [1000 + ord(letter) for letter in text]


def test_only_special_pieces_become_special_tokens() -> None:
    prompt = CONVERSATION.tokens_prompt("a</s>b", "x</s>")
    ids = tokenizer_prompt_ids(LetterTokenizer(), prompt)
    assert ids == [1, *letters("Text: a</s>b"), 2, *letters("USER: x</s>")]


@pytest.mark.parametrize(
    ("begins", "pieces", "ids"),
    [
        (True, (Piece("a"),), [1, *letters("a")]),
        (False, (Piece("a"),), letters("a")),
        (True, (Piece("<s>", special=True), Piece("a")), [1, *letters("a")]),
        (False, (Piece("<s>", special=True), Piece("<unk>", special=True)), [1, 0]),
        (True, (), [1]),
    ],
)
def test_the_token_of_the_beginning_stands_there_once(begins: bool, pieces: tuple[Piece, ...], ids: list[int]) -> None:
    assert tokenizer_prompt_ids(LetterTokenizer(begins), Prompt(pieces, ())) == ids


def test_a_special_token_that_the_model_lacks_is_named() -> None:
    with pytest.raises(EngineError, match=r"`<end>`.*`profile`"):
        tokenizer_prompt_ids(LetterTokenizer(), Prompt((Piece("Ada"), Piece("<end>", special=True)), ()))


@pytest.mark.parametrize(
    ("vocables", "text", "spelt"),
    [
        (["▁[", '"Z', "o", "<0xC3>", "<0xAB>", '"]'], ' ["Zoë"]', [b" [", b'"Z', b"o", b"\xc3", b"\xab", b'"]']),
        (["Ġ[", '"Zo', "Ã", "«", '"]'], ' ["Zoë"]', [b" [", b'"Zo', b"\xc3", b"\xab", b'"]']),
        (["Ċ", "北京"], "\n北京", [b"\n", "北京".encode()]),
        (["<0xF0>", "<0x9F>", "<0x8E>", "<0x89>"], "🎉", [b"\xf0", b"\x9f", b"\x8e", b"\x89"]),
        # The stop string, and bytes that are no character yet, are no part of the text.
        (["a", "b", "c"], "a", [b"a", b"b", b"c"]),
        (["a", "<0xC3>"], "a", [b"a", b"\xc3"]),
        (["[", "x"], " [x", None),
        ([], "", []),
    ],
)
def test_tokens_are_spelt_in_bytes(vocables: list[str], text: str, spelt: list[bytes] | None) -> None:
    assert spell(vocables, text) == spelt


OWNER_PROGRAM = f"""
import os, subprocess, sys
os.environ["{vllm.OWNER}"] = str(os.getpid())
worker = "import uniner_mcp.engines.generative.vllm_lifeline, time; print(flush=True); time.sleep(600)"
child = subprocess.Popen([sys.executable, "-c", worker], stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
child.wait()
"""


@pytest.mark.anyio
@pytest.mark.skipif(sys.platform != "linux", reason="needs pidfd_open")
async def test_a_worker_ends_when_its_owner_is_killed() -> None:
    owner = await asyncio.create_subprocess_exec(sys.executable, "-c", OWNER_PROGRAM, stdout=subprocess.PIPE)
    assert owner.stdout is not None
    worker = int(await owner.stdout.readline())
    owner.send_signal(signal.SIGKILL)
    await owner.wait()
    while is_alive(worker):
        await asyncio.sleep(0.05)


def is_alive(process: int) -> bool:
    try:
        with open(f"/proc/{process}/stat", encoding="utf-8") as file:
            return file.read().split()[2] != "Z"
    except FileNotFoundError:
        return False


def test_the_lifeline_is_where_vllm_looks_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    # No owner: importing it binds nobody.
    monkeypatch.delenv(vllm.OWNER, raising=False)
    module, name = str(vllm.DEFAULTS["worker_extension_cls"]).rsplit(".", 1)
    lifeline = importlib.import_module(module)
    assert isinstance(getattr(lifeline, name), type)
    signals: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "kill", lambda *sent: signals.append(sent))
    lifeline.end_with(2**22 + 1)
    assert signals == [(os.getpid(), signal.SIGKILL)]
