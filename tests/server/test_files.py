"""The tool that reads files, and the resource with their text, as clients see them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from documents.making import pdf
from doubles import names_engine
from mcp import Client, MCPError
from mcp.types import CallToolResult, TextContent, TextResourceContents
from server.serving import serving

from uniner_mcp import Extractor, Settings, SettingsError, load_settings
from uniner_mcp.domains import domain_list
from uniner_mcp.engines.base import Mention, Passage
from uniner_mcp.engines.scripted import ScriptedEngine
from uniner_mcp.schema import EntityType, FileExtraction
from uniner_mcp.server.app import build_server

pytestmark = pytest.mark.anyio
OPTIONS = {"entity_types": ["person", "city"]}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "docs"
    (root / "sub").mkdir(parents=True)
    (root / "report.pdf").write_bytes(pdf(["Ada met Bob", "in Paris."], ["Ada left."], []))
    (root / "sub" / "note.txt").write_text("Hello.\nBob is in Paris.\n", encoding="utf-8")
    (tmp_path / "secret.txt").write_text("Ada", encoding="utf-8")
    return root


def server_for(root: Path, engine: ScriptedEngine | None = None, **given: Any) -> Any:
    settings = Settings(files=(root,), **given)
    return build_server(Extractor(engine or names_engine(), settings), domain_list(), settings)


@pytest.fixture(params=["auto", "legacy"])
async def client(request: pytest.FixtureRequest, root: Path) -> AsyncIterator[Client]:
    async with Client(server_for(root, max_text_chars=1000), mode=request.param) as connected:
        yield connected


def data(result: CallToolResult) -> dict[str, Any]:
    (block,) = result.content
    assert isinstance(block, TextContent)
    assert not result.is_error, block.text
    assert json.loads(block.text) == result.structured_content
    FileExtraction.model_validate(result.structured_content)
    return json.loads(block.text)


def said(result: CallToolResult) -> str:
    (block,) = result.content
    assert result.is_error and isinstance(block, TextContent)
    return block.text


async def text_at(client: Client, uri: str) -> str:
    (content,) = (await client.read_resource(uri)).contents
    assert isinstance(content, TextResourceContents)
    return content.text


async def test_without_folders_there_is_no_such_tool_and_no_such_resource() -> None:
    async with Client(build_server(Extractor(names_engine(), Settings()), domain_list(), Settings())) as client:
        assert "extract_from_file" not in {tool.name for tool in (await client.list_tools()).tools}
        templates = (await client.list_resource_templates()).resource_templates
        assert not [template for template in templates if "files" in template.uri_template]
        assert "extract_from_file" not in (client.instructions or "")


async def test_the_tool_takes_what_extract_entities_takes_and_a_path(client: Client) -> None:
    tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    assert list(tools) == ["extract_entities", "extract_from_file", "list_domains"]
    schemas = {name: dict(tools[name].input_schema["properties"]) for name in ("extract_entities", "extract_from_file")}
    assert schemas["extract_from_file"].pop("path")["type"] == "string"
    schemas["extract_entities"].pop("text")
    assert schemas["extract_entities"] == schemas["extract_from_file"]
    tool = tools["extract_from_file"]
    assert tool.annotations and tool.annotations.read_only_hint and not tool.annotations.open_world_hint
    assert "extract_from_file" in (client.instructions or "")


async def test_entities_have_pages_and_lines_and_offsets_in_the_resource(client: Client) -> None:
    found = data(await client.call_tool("extract_from_file", {"path": "report.pdf", **OPTIONS}))
    assert [(e["text"], e["line"], e["page"]) for e in found["entities"]] == [
        ("Ada", 1, 1), ("Bob", 1, 1), ("Paris", 2, 1), ("Ada", 3, 2),
    ]  # fmt: skip
    assert found["files"] == [{"name": "report.pdf", "start": 0, "characters": 34, "pages": 3}]
    assert found["warnings"][0].startswith("Page 3 is without text")
    text = await text_at(client, found["uri"])
    assert all(text[e["start"] : e["end"]] == e["text"] for e in found["entities"])
    assert list(found)[-1] == "entities"


async def test_a_pattern_reads_all_its_files_as_one_text(client: Client, root: Path) -> None:
    (root / "sub" / "broken.pdf").write_bytes(b"%PDF-1.4 no")
    found = data(await client.call_tool("extract_from_file", {"path": "**/*.*", **OPTIONS}))
    assert [(e["text"], e["file"], e["line"]) for e in found["entities"]][-2:] == [
        ("Bob", "sub/note.txt", 2), ("Paris", "sub/note.txt", 2),
    ]  # fmt: skip
    assert [one["name"] for one in found["files"]] == ["report.pdf", "sub/broken.pdf", "sub/note.txt"]
    assert any(w.startswith("sub/broken.pdf: Not read: The file is not a valid PDF") for w in found["warnings"])
    text = await text_at(client, found["uri"])
    assert all(text[e["start"] : e["end"]] == e["text"] for e in found["entities"])
    mentions = data(await client.call_tool("extract_from_file", {"path": "**/*.*", "result": "mentions", **OPTIONS}))
    assert mentions["mentions"] == [
        {"text": "Ada", "type": "person", "count": 2, "start": 0, "file": "report.pdf", "line": 1, "page": 1},
        {"text": "Bob", "type": "person", "count": 2, "start": 8, "file": "report.pdf", "line": 1, "page": 1},
        {"text": "Paris", "type": "city", "count": 2, "start": 15, "file": "report.pdf", "line": 2, "page": 1},
    ]


async def test_progress_begins_with_the_files_and_grows(client: Client) -> None:
    seen: list[float] = []

    async def note(progress: float, total: float | None, message: str | None) -> None:
        seen.append(progress)

    await client.call_tool("extract_from_file", {"path": "**/*.*", **OPTIONS}, progress_callback=note)
    assert seen[0] < seen[1] < 1 == seen[2] and seen == sorted(seen)


@pytest.mark.parametrize(
    ("path", "advice"),
    [
        ("secret.txt", "There is no such file"),
        ("../secret.txt", "There is no such file"),
        ("{root}/../secret.txt", "There is no such file"),
        ("/etc/passwd", "There is no such file"),
        ("/none/at/all", "There is no such file"),
        ("*.none", "matches this pattern"),
        ("empty.txt", "There is no text"),
        ("broken.pdf", "not a valid PDF"),
        ("long.txt", "split it"),
        ("long*.txt", "narrow the pattern"),
    ],
)
async def test_what_cannot_be_read_is_an_error_with_advice(client: Client, root: Path, path: str, advice: str) -> None:
    (root / "empty.txt").touch()
    (root / "broken.pdf").write_bytes(b"%PDF-1.4 no")
    for name in ("long.txt", "long2.txt"):
        (root / name).write_text("x" * 1001, encoding="utf-8")
    path = path.format(root=root)
    error = said(await client.call_tool("extract_from_file", {"path": path, **OPTIONS}))
    assert advice in error and "secret" not in error and "passwd" not in error
    if "*" not in path:
        with pytest.raises(MCPError, match=advice):
            await client.read_resource(f"uniner://files/{path}")


async def test_the_path_is_needed_and_the_options_are_checked(client: Client) -> None:
    assert "`path`" in said(await client.call_tool("extract_from_file", OPTIONS))
    assert "exactly one of" in said(await client.call_tool("extract_from_file", {"path": "report.pdf"}))


async def test_names_with_any_characters_have_a_resource(root: Path) -> None:
    name = "ü #1? 100% [x].txt"
    (root / name).write_text("Ada", encoding="utf-8")
    async with Client(server_for(root)) as client:
        found = data(await client.call_tool("extract_from_file", {"path": name, **OPTIONS}))
        assert await text_at(client, found["uri"]) == "Ada"


async def test_a_changed_file_is_read_again_and_an_unchanged_one_is_not(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from uniner_mcp.server import files

    converted: list[str] = []
    convert = files.convert_apart

    async def counting(content: bytes, suffix: str, *limits: Any) -> Any:
        converted.append(suffix)
        return await convert(content, suffix, *limits)

    monkeypatch.setattr(files, "convert_apart", counting)
    monkeypatch.setattr(files, "_KEPT", 1)
    async with Client(server_for(root)) as client:

        async def first(path: str) -> str:
            return data(await client.call_tool("extract_from_file", {"path": path, **OPTIONS}))["entities"][0]["text"]

        assert [await first("sub/note.txt"), await first("sub/note.txt")] == ["Bob", "Bob"]
        assert len(converted) == 1
        (root / "sub" / "note.txt").write_text("Ada", encoding="utf-8")
        assert await first("sub/note.txt") == "Ada"
        assert [await first("report.pdf"), await first("sub/note.txt")] == ["Ada", "Ada"]
    assert converted == [".txt", ".txt", ".pdf", ".txt"]


def words(passage: Passage, kind: EntityType) -> list[Mention]:
    """Every word is an entity."""
    found, start = list[Mention](), 0
    for word in passage.text.split(" "):
        found.append(Mention(word, (start, start + len(word)), 0.9876))
        start += len(word) + 1
    return found


async def test_a_long_file_is_complete_by_paging_and_no_page_is_larger_than_its_limit(root: Path) -> None:
    (root / "long.txt").write_text(" ".join(f"w{number:04}" for number in range(3000)), encoding="utf-8")
    asked: dict[str, Any] = {"path": "long.txt", "entity_types": ["word"]}
    found, pages = list[str](), 0
    async with Client(server_for(root, ScriptedEngine(words))) as client:
        while True:
            result = await client.call_tool("extract_from_file", asked)
            page = data(result)
            assert len(result.content[0].text) <= 20_000  # type: ignore[union-attr]
            found += [entity["text"] for entity in page["entities"]]
            pages += 1
            if page.get("next_start") is None:
                break
            asked["start"] = page["next_start"]
    assert found == [f"w{number:04}" for number in range(3000)] and pages > 5


async def test_files_are_read_over_http(root: Path) -> None:
    async with serving(names_engine(), files=(root,)) as served, Client(served.url) as client:
        assert data(await client.call_tool("extract_from_file", {"path": "sub/note.txt", **OPTIONS}))["entities"]


def test_a_folder_that_does_not_exist_is_an_error_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="not a folder"):
        server_for(tmp_path / "none")


def test_folders_of_the_settings_file_are_relative_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "conf").mkdir()
    config = tmp_path / "conf" / "u.toml"
    config.write_text('files = ["a", "/b"]', encoding="utf-8")
    assert load_settings(config=config).files == (tmp_path / "conf" / "a", Path("/b"))
    config.write_text('files = "a"', encoding="utf-8")
    assert load_settings(config=config).files == (tmp_path / "conf" / "a",)
    config.write_text("files = [1]", encoding="utf-8")
    with pytest.raises(SettingsError, match="`files`"):
        load_settings(config=config)
    monkeypatch.setenv("UNINER_FILES", "/a,/b")
    assert load_settings().files == (Path("/a"), Path("/b"))
