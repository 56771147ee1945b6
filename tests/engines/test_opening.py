from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from engines.fault_server import FaultServer

from uniner_mcp import EngineError, Extractor, SettingsError, load_settings
from uniner_mcp.engines import opening
from uniner_mcp.engines.base import EngineInfo, Passage
from uniner_mcp.engines.generative.addresses import leaves_machine, shown
from uniner_mcp.engines.opening import describe_choice, expected_accuracy, open_engine
from uniner_mcp.engines.scripted import ScriptedEngine
from uniner_mcp.errors import EngineUnavailable
from uniner_mcp.schema import EntityType

pytestmark = pytest.mark.anyio
SERVER = "http://127.0.0.1:9/v1"


async def info_of(**settings: object) -> EngineInfo:
    engine = open_engine(load_settings(cache=False, **settings))
    await engine.aclose()
    return engine.info()


async def test_a_server_with_a_named_model_is_opened_without_asking_it_anything() -> None:
    info = await info_of(base_url=SERVER, model="Universal-NER/UniNER-7B-all")
    assert (info.name, info.model, info.leaves_machine) == ("openai", "Universal-NER/UniNER-7B-all", False)
    assert info.context_budget == 384


async def test_a_server_with_one_model_needs_no_name() -> None:
    async with FaultServer().running() as server:
        extractor = await asyncio.to_thread(Extractor.open, load_settings(base_url=server.url))
        async with extractor:
            extraction = await extractor.extract("Tom Reed left Paris.", ["person", "location"])
    assert [(e.text, e.start, e.confidence) for e in extraction.entities if e.type == "person"] == [
        ("Tom Reed", 0, pytest.approx(0.9139, abs=0.001))
    ]
    assert server.asked[0][0] == "/v1/chat/completions"  # An unknown model is taken for a chat model.


async def test_a_server_that_is_down_is_an_error_with_advice_where_no_model_is_named() -> None:
    with pytest.raises(EngineError, match="start the server"):
        open_engine(load_settings(base_url=SERVER))


@pytest.mark.parametrize(
    ("address", "leaves"),
    [
        ("http://localhost:8000/v1", False),
        ("http://127.3.2.1/v1", False),
        ("http://[::1]:8000/v1", False),
        ("http://10.0.0.7:8000/v1", True),
        ("https://api.example.org/v1", True),
        ("http://localhost.example.org/v1", True),
    ],
)
async def test_text_that_leaves_the_machine_is_declared(address: str, leaves: bool) -> None:
    assert leaves_machine(address) is leaves
    assert (await info_of(base_url=f"http://localhost/v1,{address}", model="m")).leaves_machine is leaves


def test_an_address_is_shown_without_its_secrets() -> None:
    assert shown("https://user:secret@host:8000/v1?key=x") == "host:8000"
    assert shown("https://host/v1") == "host"


async def test_the_fingerprint_changes_with_all_that_answers_depend_on(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text('name="o"\ntemplate="{text} {type}"\ncontext_budget=300\nmax_answer_tokens=9\n', encoding="utf-8")
    given = [
        {"model": "a"},
        {"model": "b"},
        {"model": "a", "engine": "vllm"},
        {"model": "a", "profile": "uniner"},
        {"model": "a", "profile": str(own)},
    ]
    seen = [(await info_of(base_url=SERVER, **settings)).fingerprint for settings in given]
    own.write_text(own.read_text(encoding="utf-8").replace("=9", "=8"), encoding="utf-8")
    seen.append((await info_of(base_url=SERVER, **given[-1])).fingerprint)
    assert len(set(seen)) == len(seen)
    assert (await info_of(base_url="http://127.0.0.1:10/v1", model="a")).fingerprint == seen[0]


async def test_a_changed_file_is_another_model(tmp_path: Path) -> None:
    pytest.importorskip("xllamacpp", reason="xllamacpp has no wheel for this platform")
    file = tmp_path / "m.gguf"
    file.write_bytes(b"GGUF")
    before = await info_of(model=str(file))
    file.write_bytes(b"GGUF, but longer")
    after = await info_of(model=str(file))
    assert before.model == after.model == "m" and before.fingerprint != after.fingerprint
    assert (await info_of(model=str(file), llama_options={"n_ctx": 512})).fingerprint != after.fingerprint


async def test_accuracy_that_was_published_for_the_model_is_expected_and_no_other() -> None:
    general = next(
        domain
        for domain in expected_accuracy(load_settings(base_url=SERVER, model="Universal-NER/UniNER-7B-type")).domains
        if domain.name == "general"
    )
    assert (
        general.accuracy is not None and general.accuracy.f1 == 52.2 and "arXiv 2308.03279" in general.accuracy.source
    )
    for model in ("Universal-NER/UniNER-7B-all", "UniNER-7B-type.Q4_K_M", "llama3"):
        catalogue = expected_accuracy(load_settings(base_url=SERVER, model=model))
        assert all(domain.accuracy is None for domain in catalogue.domains)


def test_an_operator_reads_which_engine_answers_why_and_under_what_licence() -> None:
    line = describe_choice(load_settings(base_url=SERVER), "Universal-NER/UniNER-7B-all")
    assert line.startswith("openai, model Universal-NER/UniNER-7B-all (`base_url` is set); prompt profile uniner; ")
    assert "model licence: CC BY-NC 4.0" in line
    assert describe_choice(load_settings(), "nano-3").startswith("nano, model nano-3 (default: no server")


def test_a_model_that_no_profile_names_has_no_licence_that_is_known() -> None:
    for model in ("mine.gguf", "students/mine"):
        line = describe_choice(load_settings(engine="llama-cpp", model=model), model)
        assert line.endswith("prompt profile uniner; model licence: unknown, see the model card")


async def test_what_is_not_installed_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from uniner_mcp.engines.generative import llama_cpp

    monkeypatch.setattr(llama_cpp, "import_module", _missing)
    with pytest.raises(EngineError, match=r"\[llama\]'"):
        open_engine(load_settings(model="a.gguf"))


def _missing(name: str) -> None:
    raise ModuleNotFoundError(name=name)


def test_a_profile_for_servers_only_is_refused_in_the_process() -> None:
    with pytest.raises(SettingsError, match="only a server"):
        open_engine(load_settings(model="a.gguf", profile="instruct"))


def test_vllm_that_is_not_installed_says_so_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "find_spec", lambda name: None)
    with pytest.raises(EngineUnavailable, match=r"\[vllm\]'"):
        open_engine(load_settings(engine="vllm", cache=False))


async def test_known_answers_do_not_wait_for_a_place(monkeypatch: pytest.MonkeyPatch) -> None:
    kind = EntityType(name="person")
    busy = asyncio.Event()

    async def script(passage: Passage, type: EntityType) -> list[str]:
        if passage.text != "known":
            busy.set()
            await asyncio.Event().wait()
        return ["known"]

    monkeypatch.setattr(opening, "NanoEngine", lambda folder: ScriptedEngine(script))
    engine = open_engine(load_settings(concurrency=1))
    await engine.answer(Passage("known"), [kind])
    running = asyncio.create_task(engine.answer(Passage("long"), [kind]))
    await busy.wait()
    (answer,) = await engine.answer(Passage("known"), [kind])
    assert answer.provenance.cached
    running.cancel()
    await engine.aclose()
