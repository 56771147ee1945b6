from __future__ import annotations

import json
import os
import pty
import socket
import sys
from pathlib import Path

import pytest
from engines.policies import write_policy
from engines.teacher_server import teacher_server
from typer.testing import CliRunner, Result

from uniner_mcp.cli import app, extracting
from uniner_mcp.server.http import Listening

SENTENCE = "Marie Curie was born in Warsaw."


def run(*arguments: str, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(app, list(arguments), input=stdin)


def test_extract_prints_the_extraction_as_json() -> None:
    result = run("extract", SENTENCE, "--types", "person, city", "--json")
    assert result.exit_code == 0
    entities = json.loads(result.stdout)["entities"]
    assert [(e["text"], e["type"], e["start"], e["end"]) for e in entities] == [
        ("Marie Curie", "person", 0, 11),
        ("Warsaw", "city", 24, 30),
    ]


def test_the_first_time_it_says_where_answers_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNINER_CACHE_PATH", str(tmp_path / "answers.sqlite"))
    assert "printed once" not in run("extract", SENTENCE, "-t", "person", "--no-cache").stderr
    first, second = (run("extract", SENTENCE, "-t", "person") for _ in range(2))
    assert str(tmp_path / "answers.sqlite") in first.stderr and second.stderr == ""
    assert first.stdout == second.stdout


def test_help_teaches_the_first_steps_and_the_exit_codes() -> None:
    said = run("--help").stdout
    assert "uniner-mcp install" in said and "Exit codes: 0" in said


def test_extract_marks_entities_in_the_text() -> None:
    result = run("extract", SENTENCE, "-t", "person")
    assert result.stdout == "[Marie Curie](person) was born in Warsaw.\n"


def test_extract_prints_a_table() -> None:
    result = run("extract", SENTENCE, "-t", "person", "--table")
    assert "Marie Curie" in result.stdout and "confidence" in result.stdout


@pytest.mark.parametrize(
    ("form", "printed"),
    [
        ("csv", "document,start,end,type,text,confidence\r\n0,0,3,person,Ada,"),
        ("brat", "T1\tperson 0 3\tAda\n"),
        ("conll", "Ada\tB-person\nmet\tO\n"),
        ("doccano", '{"id": "0", "text": "Ada met Tom.", "label": [[0, 3, "person"]'),
        ("label-studio", '[\n{"data":{"text":"Ada met Tom.","id":"0"},"predictions":[{"model_version":"uniner-mcp"'),
    ],
)
def test_extract_prints_for_an_annotation_tool(form: str, printed: str) -> None:
    result = run("extract", "Ada met Tom.", "--types", "person", "--format", form)
    assert result.exit_code == 0
    assert result.stdout_bytes.decode().startswith(printed)
    assert ("confidences (2)" in result.stderr) == (form in ("brat", "conll", "doccano"))


def test_extract_names_a_document_after_its_file(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_bytes("Ada\r\nmet 😀 Tom.".encode())
    result = run("extract", "--file", str(tmp_path / "letter.txt"), "--types", "person", "--format", "jsonl")
    row = json.loads(result.stdout_bytes)
    assert (row["id"], row["text"]) == ("letter", "Ada\r\nmet 😀 Tom.")
    assert [row["text"][one["start"] : one["end"]] for one in row["entities"]] == ["Ada", "Tom"]


def test_extract_reads_a_file_with_its_line_ends_and_standard_input(tmp_path: Path) -> None:
    file = tmp_path / "note.txt"
    file.write_bytes(b"Hello.\r\n\r\nMarie Curie came.")
    entities = json.loads(run("extract", "-f", str(file), "-t", "person", "--json").stdout)["entities"]
    assert [(e["text"], e["start"]) for e in entities] == [("Marie Curie", 10)]
    piped = run("extract", "-", "-t", "person", "--json", stdin=SENTENCE.encode())
    assert json.loads(piped.stdout)["entities"][0]["text"] == "Marie Curie"


def test_extract_takes_a_domain_and_meanings() -> None:
    assert run("extract", SENTENCE, "-d", "general", "--json").exit_code == 0
    defined = run("extract", SENTENCE, "-t", "who", "--define", "who=A person who is named.", "--json")
    assert "Marie Curie" in [e["text"] for e in json.loads(defined.stdout)["entities"]]


def test_extract_lists_distinct_mentions_or_counts_and_begins_where_it_is_told() -> None:
    text = f"{SENTENCE} Marie Curie left Warsaw."
    asked = ("extract", text, "-t", "person,city", "--json", "--start", "24")
    mentions = json.loads(run(*asked, "--result", "mentions").stdout)["mentions"]
    assert [(one["text"], one["count"], one["start"]) for one in mentions] == [
        ("Warsaw", 2, 24),
        ("Marie Curie", 1, 32),
    ]
    limited = json.loads(run(*asked, "--limit", "1").stdout)
    assert limited["truncated"] and limited["next_start"] == 32 and len(limited["entities"]) == 1
    assert "distinct" in run("extract", text, "-t", "person", "--result", "counts").stdout


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        (["extract", "-t", "person"], "--file"),
        (["extract", SENTENCE], "--domain"),
        (["extract", SENTENCE, "-t", "person", "-d", "law"], "--types"),
        (["extract", SENTENCE, "-d", "lwa"], "Closest: law"),
        (["extract", SENTENCE, "-t", "x", "--define", "x"], "type=meaning"),
        (["extract", SENTENCE, "-t", "x", "--json", "--table"], "Use one of --json, --table and --format"),
        (["extract", SENTENCE, "-t", "x", "--json", "--format", "csv"], "Use one of --json, --table and --format"),
        (["extract", SENTENCE, "-t", "x", "--format", "docx"], "use one of jsonl, csv, brat"),
        (["extract", SENTENCE, "-t", "x", "--result", "summary"], "'mentions'"),
        (["extract", SENTENCE, "-t", "x", "--start", "99"], "`start`"),
        (["extract", SENTENCE, "-t", "x", "--limit", "-1"], "`limit`"),
        (["extract", "-f", "nowhere.txt", "-t", "x"], "Cannot read"),
        (["extract", SENTENCE, "-t", "x", "--engine", "warp"], "engine"),
        (["extract", SENTENCE, "-t", "x", "--min-confidence", "2"], "from 0 to 1"),
        (["doctor", "--engine", "warp"], "engine"),
    ],
)
def test_wrong_usage_is_one_line_with_advice_and_exit_code_2(arguments: list[str], advice: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert advice in result.stderr
    assert "Traceback" not in result.stderr and "Marie" not in result.stderr


def test_a_file_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "note.txt"
    file.write_bytes("Müller".encode("latin-1"))
    result = run("extract", "-f", str(file), "-t", "person")
    assert result.exit_code == 2 and "iconv" in result.stderr


def test_domains_are_listed() -> None:
    assert "biomedical" in run("domains").stdout
    assert len(json.loads(run("domains", "--json").stdout)["domains"]) == 9


def test_doctor_finds_all_well_and_tells_a_broken_cache_with_its_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    well = run("doctor")
    assert well.exit_code == 0 and "verified by SHA-256" in well.stdout
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("UNINER_CACHE_PATH", str(tmp_path / "file" / "answers.sqlite"))
    ill = run("doctor")
    assert ill.exit_code == 1 and "UNINER_CACHE_PATH" in ill.stdout


def test_doctor_tells_damaged_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNINER_NANO_PATH", str(tmp_path))
    assert "reinstall" in run("doctor").stdout.lower()


def test_the_cache_is_counted_and_cleared(own_cache: Path) -> None:
    run("extract", SENTENCE, "-t", "person,city")
    assert run("cache", "path").stdout.strip() == str(own_cache)
    assert "answers  2" in run("cache", "stats").stdout
    assert run("cache", "clear").stdout == "2 answers removed\n"
    run("extract", SENTENCE, "-t", "person", "--no-cache")
    assert "answers  0" in run("cache", "stats").stdout


def test_a_file_that_is_no_cache_is_found_by_the_doctor_and_never_deleted(own_cache: Path) -> None:
    own_cache.parent.mkdir(parents=True)
    own_cache.write_bytes(b"a letter to a friend " * 100)
    ill = run("doctor")
    assert ill.exit_code == 1 and "Delete the file if it is a damaged cache" in ill.stdout
    cleared = run("cache", "clear")
    assert cleared.exit_code == 1 and "or delete it" in cleared.stderr
    assert own_cache.read_bytes().startswith(b"a letter")


def test_serve_says_that_a_port_is_taken() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        result = run("serve", "--transport", "http", "--port", str(taken.getsockname()[1]))
    assert result.exit_code == 1 and "--port" in result.stderr and "/mcp" not in result.stderr
    assert "engine: nano, model nano-3 (default: no server" in result.stderr


def test_the_version_is_printed() -> None:
    assert run("--version").stdout == "uniner-mcp 0.1.0\n"


TINY = str(Path(__file__).parent / "tiny_uniner" / "tiny-uniner.gguf")


def test_extract_with_a_model_of_ones_own() -> None:
    pytest.importorskip("xllamacpp", reason="xllamacpp has no wheel for this platform")
    result = run(
        "extract", "Tom Reed left Paris.", "-t", "person,gene", "--engine", "llama-cpp", "--model", TINY, "--json"
    )
    assert result.exit_code == 0
    extraction = json.loads(result.stdout)
    assert [(e["text"], e["start"]) for e in extraction["entities"]] == [("Tom Reed", 0)]
    assert [(by["engine"], by["model"]) for by in extraction["answered_by"]] == [("llama-cpp", "tiny-uniner")]


def test_doctor_and_domains_look_at_the_engine_that_is_asked_for() -> None:
    ill = run("doctor", "--engine", "openai")
    assert ill.exit_code == 1 and "--base-url" in ill.stdout
    asked = ("--base-url", "http://127.0.0.1:9/v1", "--model", "Universal-NER/UniNER-7B-type")
    assert json.loads(run("domains", "--json", *asked).stdout)["domains"][0]["accuracy"]["model"] == "UniNER-7B"


@pytest.mark.parametrize(("typed", "engine"), [("y", "teacher"), ("n", None)])
def test_extract_asks_the_person_at_the_terminal_for_consent(tmp_path: Path, typed: str, engine: str | None) -> None:
    import asyncio

    async def run_at_a_terminal() -> tuple[int, str, str]:
        async with teacher_server().running() as teacher:
            policy = write_policy(tmp_path, "on-failure", teacher, top='consent = "ask"')
            terminal, far_end = pty.openpty()
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "uniner_mcp", "extract", "Maria Keller left Berlin.", "-t", "person", "--json",
                "--engine", "vllm", "--base-url", "http://127.0.0.1:9/v1", "--model", "tiny", "--fallback", policy,
                stdin=far_end, stdout=asyncio.subprocess.PIPE, stderr=far_end, cwd=tmp_path,
                env={**os.environ, "UNINER_TIMEOUT_S": "0.2", "UNINER_LEDGER_PATH": str(tmp_path / "ledger.sqlite")},
            )  # fmt: skip
            os.write(terminal, f"{typed}\n".encode())
            stdout, _ = await process.communicate()
            shown = os.read(terminal, 10_000).decode()
            os.close(terminal)
            os.close(far_end)
            return process.returncode or 0, stdout.decode(), shown

    code, stdout, shown = asyncio.run(run_at_a_terminal())
    assert "May this text (25 characters) be sent to gpt-test at 127.0.0.1" in " ".join(shown.split())
    if engine is None:
        assert code == 1 and "nothing was sent" in " ".join(shown.split())
    else:
        assert code == 0 and json.loads(stdout)["answered_by"][0]["engine"] == engine


def test_extract_without_a_terminal_sends_nothing_that_needs_consent(tmp_path: Path) -> None:
    policy = write_policy(tmp_path, "teacher-only", "http://127.0.0.1:9/v1", top='consent = "ask"')
    result = run("extract", SENTENCE, "-t", "person", "--fallback", policy)
    assert result.exit_code == 1 and "was not asked, so nothing was sent" in " ".join(result.stderr.split())


def test_extract_says_what_the_teacher_was_not_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNINER_LEDGER_PATH", str(tmp_path / "ledger.sqlite"))
    more = "[triggers]\nconfidence_below = 1.0\n[budget.request]\nquestions = 0\n"
    policy = write_policy(tmp_path, "on-failure", "http://127.0.0.1:9/v1", more)
    result = run("extract", SENTENCE, "-t", "person", "--fallback", policy)
    assert result.exit_code == 0 and "[Marie Curie](person)" in result.stdout
    assert "teacher did not answer (1): the question budget" in " ".join(result.stderr.split())


def test_serve_says_which_teacher_may_be_asked(tmp_path: Path) -> None:
    policy = write_policy(tmp_path, "on-failure", "http://127.0.0.1:9/v1")
    result = run("serve", "--fallback", policy, stdin=b"")
    assert "fallback: on-failure-here: " in result.stderr
    assert "texts may be sent to gpt-test at 127.0.0.1:9" in result.stderr


def test_domains_of_a_teacher_have_no_figures_of_a_local_model() -> None:
    policy = write_policy(Path.cwd(), "teacher-only", "http://127.0.0.1:9/v1")
    catalogue = json.loads(run("domains", "--json", "--fallback", policy).stdout)["domains"]
    assert len(catalogue) == 9 and all(domain["accuracy"] is None for domain in catalogue)


def test_where_nothing_was_found_it_says_what_may_help() -> None:
    result = run("extract", "Hello.", "-t", "gene")
    assert result.exit_code == 0 and result.stdout == "Hello.\n" and "--define" in result.stderr


def test_an_address_without_its_scheme_is_refused_with_an_example() -> None:
    result = run("extract", SENTENCE, "-t", "person", "--base-url", "localhost:8000")
    assert result.exit_code == 2 and "`base_url` (UNINER_BASE_URL" in result.stderr
    assert "http://host:port/v1" in result.stderr


@pytest.mark.parametrize(
    ("host", "names", "shown"),
    [
        ("127.0.0.1", [], "127.0.0.1"),
        ("0.0.0.0", [], "127.0.0.1"),
        ("0.0.0.0", ["ner.example.org"], "ner.example.org"),
        ("::1", [], "[::1]"),
    ],
)
def test_the_address_that_serve_prints_is_one_that_is_answered(host: str, names: list[str], shown: str) -> None:
    assert Listening(host, 8000, names).url == f"http://{shown}:8000"


def test_a_text_that_is_the_name_of_a_file_gets_a_hint(tmp_path: Path) -> None:
    (tmp_path / "report.txt").write_text(SENTENCE, encoding="utf-8")
    assert "use --file" in run("extract", "report.txt", "-t", "person").stderr
    assert "use --file" in run("extract", "report.txt").stderr
    assert "use --file" not in run("extract", SENTENCE, "-t", "person").stderr


def test_a_long_wait_says_what_it_is_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extracting, "PATIENCE", 0.0)
    asked = ("--base-url", "http://127.0.0.1:9/v1", "--model", "tiny")
    monkeypatch.setenv("UNINER_TIMEOUT_S", "0.5")
    result = run("extract", SENTENCE, "-t", "person", *asked)
    assert result.exit_code == 1 and "waiting for openai, model tiny" in result.stderr


def test_settings_that_nano_does_not_have_are_refused_or_reported(caplog: pytest.LogCaptureFixture) -> None:
    refused = run("extract", SENTENCE, "-t", "person", "--profile", "uniner")
    assert refused.exit_code == 2 and "remove `profile`" in refused.stderr
    chosen = run("extract", SENTENCE, "-t", "person", "--profile", "uniner", "--engine", "nano")
    assert chosen.exit_code == 0 and "ignores the settings profile" in caplog.text


def test_options_of_http_are_refused_over_stdio() -> None:
    result = run("serve", "--port", "9000")
    assert result.exit_code == 2 and "--port needs --transport http" in result.stderr
    assert "--stateless needs --transport http" in run("serve", "--stateless").stderr


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    (tmp_path / "sets" / "two").mkdir(parents=True)
    (tmp_path / "sets" / "two" / "test.conll").write_text("Maria B-person\nslept O\n", encoding="utf-8")
    result = run("evaluate", "--data", "sets", "--out", "file")
    assert result.exit_code == 1 and "Not a directory" in result.stderr and "Traceback" not in result.stderr
    (tmp_path / "note.txt").write_text(SENTENCE, encoding="utf-8")
    result = run("distill", "sample", "--corpus", "note.txt", "--out", ".")
    assert result.exit_code == 2 and "a name of its own" in result.stderr


def test_a_page_that_cannot_be_written_and_a_text_that_is_no_name_are_no_traceback(tmp_path: Path) -> None:
    written = run("extract", SENTENCE, "-t", "person", "--html", str(tmp_path))
    assert written.exit_code == 2 and "Cannot write" in written.stderr
    assert run("extract", "Ada\0Lovelace", "-t", "person").exit_code == 0
    assert run("extract", "a" * 5000, "-t", "person").exit_code == 0


def test_a_file_of_any_format_is_read_and_its_entities_have_lines(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("<p>Hello.</p><p>Marie Curie came to Warsaw.</p>", encoding="utf-8")
    found = json.loads(run("extract", "--file", str(page), "-t", "person", "--json").stdout)
    assert [(e["text"], e["line"]) for e in found["entities"]] == [("Marie Curie", 3)]
    assert found["files"] == [{"name": "page.html", "start": 0, "characters": 35}] and "uri" not in found
    table = run("extract", "-f", str(page), "-t", "person", "--table").stdout
    assert "line" in table and "page" in table
    mentions = run("extract", "-f", str(page), "-t", "person", "--result", "mentions").stdout
    assert "Marie Curie" in mentions and "line" in mentions


def test_a_file_without_text_says_why(tmp_path: Path) -> None:
    (tmp_path / "empty.txt").touch()
    result = run("extract", "-f", str(tmp_path / "empty.txt"), "-t", "person")
    assert result.exit_code == 2 and "There is no text in the file" in result.stderr
    both = run("extract", SENTENCE, "-f", str(tmp_path / "empty.txt"), "-t", "person")
    assert both.exit_code == 2 and "not both" in both.stderr


def test_the_size_of_a_file_is_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNINER_MAX_FILE_MB", "0.000001")
    (tmp_path / "long.txt").write_text("Marie", encoding="utf-8")
    result = run("extract", "-f", str(tmp_path / "long.txt"), "-t", "person")
    assert result.exit_code == 2 and "larger than" in result.stderr and "Marie" not in result.stderr


def test_serve_needs_folders_that_exist(tmp_path: Path) -> None:
    result = run("serve", "--files", str(tmp_path / "none"))
    assert result.exit_code == 2 and "not a folder" in " ".join(result.stderr.split())
