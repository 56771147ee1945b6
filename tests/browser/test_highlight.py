"""What people see, in a real browser: the page, the card in a host of MCP Apps, the playground."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from doubles import names_engine
from mcp import Client
from mcp.types import TextResourceContents

from uniner_mcp import Extractor, view
from uniner_mcp.domains import domain_list
from uniner_mcp.schema import AnsweredBy, Entity, Extraction, TeacherMissing, Unanswered
from uniner_mcp.server.app import build_server

TEXT = "👩‍👩‍👧 Ada met the New York City Police in 東京. مرحبا محمد من القاهرة\n\n<b>Tom</b> & Ada"
HOSTILE = [
    "<script>hacked = 1</script>",
    "</script><script>hacked = 1</script>",
    "<img src=x onerror=hacked=1>",
    "<!--<script>",
    '"><svg onload=hacked=1>',
    "javascript:hacked=1",
    "${hacked=1}",
    "{{hacked=1}}",
    "<iframe srcdoc='<script>parent.hacked=1'>",
    "'-hacked=1-'",
    "</textarea><script>hacked=1</script>",
    "</style><script>hacked=1</script>",
    "<a href=javascript:hacked=1>x</a>",
    "\u2028hacked=1\u2029",
    "&lt;script&gt;hacked=1",
    "]]><script>hacked=1</script>",
    "__proto__",
    "constructor",
    "toString",
]


def entity(text: str, mention: str, kind: str, confidence: float | None = None, after: int = 0) -> Entity:
    start = text.index(mention, after)
    return Entity(text=mention, type=kind, start=start, end=start + len(mention), confidence=confidence)


def example() -> Extraction:
    return Extraction(
        entities=[
            entity(TEXT, "Ada", "person", 0.9),
            entity(TEXT, "New York City Police", "organization", 0.8),
            entity(TEXT, "New York City", "city", 0.7),
            entity(TEXT, "City Police", "force"),
            entity(TEXT, "東京", "city", 1.0),
            entity(TEXT, "محمد", "person", 0.25),
            entity(TEXT, "القاهرة", "city", 0.5),
            entity(TEXT, "Tom", "person", 0.3),
            entity(TEXT, "Ada", "person", 0.2, after=40),
        ],
        unanswered=[Unanswered(type="gene", reason="The model was too slow.")],
        ungrounded=2,
        truncated=True,
        answered_by=[AnsweredBy(engine="x", model="y", questions=4, cached=0)],
        teacher_missing=[TeacherMissing(cause="budget", reason="The budget is spent.", questions=1)],
    )


def opened(page: Any, folder: Path, text: str, extraction: Extraction) -> Any:
    (folder / "page.html").write_text(extraction.to_html(text), encoding="utf-8")
    page.goto((folder / "page.html").as_uri())
    return page


def marked(page: Any) -> list[tuple[str, str]]:
    """Text and type of each mark; an entity that is cut by another has several."""
    return [(mark.text_content(), mark.get_attribute("data-type")) for mark in page.locator("mark").all()]


def test_the_page_marks_each_entity_in_the_very_text(page: Any, tmp_path: Path) -> None:
    opened(page, tmp_path, TEXT, example())
    assert page.locator(".text").text_content() == TEXT
    assert marked(page) == [
        ("Ada", "person"), ("New York City Police", "organization"), ("New York City", "city"), ("City", "force"),
        (" Police", "force"), ("東京", "city"), ("محمد", "person"), ("القاهرة", "city"), ("Tom", "person"),
        ("Ada", "person"),
    ]  # fmt: skip
    assert page.locator("legend").text_content() == "9 entities of 4 types"
    assert [label.text_content() for label in page.locator(".legend label").all()] == [
        "person 4", "city 3", "force 1", "organization 1"]  # fmt: skip
    assert [note.text_content() for note in page.locator(".note").all()] == [
        "Not answered: gene. The model was too slow.", "No answer from the teacher: The budget is spent.",
        "2 mentions dropped: not in the text.", "Some entities are left out."]  # fmt: skip


def test_types_can_be_switched_off_and_on(page: Any, tmp_path: Path) -> None:
    opened(page, tmp_path, TEXT, example())
    page.locator("label", has_text="city").click()
    assert "city" not in {kind for _, kind in marked(page)} and len(marked(page)) == 6
    assert page.locator("tbody tr").count() == 6 and page.locator(".text").text_content() == TEXT
    page.locator("label", has_text="city").click()
    assert len(marked(page)) == 10


def test_type_and_confidence_are_told_on_hover_and_to_the_keyboard(page: Any, tmp_path: Path) -> None:
    opened(page, tmp_path, TEXT, example())
    page.locator("mark", has_text="東京").hover()
    assert (
        page.locator(".detail").text_content() == f"city: 東京 ({TEXT.index('東京')} to {TEXT.index('東京') + 2}, 1.00)"
    )
    for _ in range(4 + 1):  # Past the four boxes of the legend.
        page.keyboard.press("Tab")
    while page.evaluate("document.activeElement.tagName") != "MARK":
        page.keyboard.press("Tab")
    assert page.locator(".detail").text_content().startswith("person: Ada (")


def test_the_extraction_can_be_copied(page: Any, tmp_path: Path) -> None:
    opened(page, tmp_path, TEXT, example())
    page.get_by_role("button", name="Copy as JSON").click()
    page.get_by_text("Copied.").wait_for()
    assert Extraction.model_validate_json(page.evaluate("navigator.clipboard.readText()")) == example()


def test_without_a_clipboard_the_json_is_shown_to_be_copied(page: Any, tmp_path: Path) -> None:
    page.add_init_script("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    opened(page, tmp_path, TEXT, example())
    page.get_by_role("button", name="Copy as JSON").click()
    assert Extraction.model_validate_json(page.locator("textarea").input_value()) == example()


def test_the_table_has_every_entity(page: Any, tmp_path: Path) -> None:
    opened(page, tmp_path, TEXT, example())
    page.get_by_text("As a table").click()
    rows = [[cell.text_content() for cell in row.locator("td").all()] for row in page.locator("tbody tr").all()]
    assert rows == [
        [
            one.text,
            one.type,
            str(one.start),
            str(one.end),
            f"{one.confidence:.2f}" if one.confidence is not None else "",
        ]
        for one in example().entities
    ]


@pytest.mark.parametrize("payload", HOSTILE)
def test_nothing_in_a_text_or_a_type_can_run(page: Any, tmp_path: Path, payload: str) -> None:
    text = f"{payload} and {payload}"
    found = [Entity(text=payload, type=payload, start=0, end=len(payload), confidence=0.5)]
    missing = [Unanswered(type=payload, reason=payload)]
    opened(page, tmp_path, text, Extraction(entities=found, unanswered=missing))
    assert page.locator(".text").text_content() == text and marked(page) == [(payload, payload)]
    assert page.evaluate("typeof hacked") == "undefined"
    assert page.locator("script").count() == 2 and page.locator("img, iframe, svg, a").count() == 0


def test_an_extraction_without_entities_is_shown_too(page: Any, tmp_path: Path) -> None:
    opened(page, tmp_path, "", Extraction(entities=[]))
    assert page.locator("legend").text_content() == "0 entities of 0 types"


@pytest.mark.parametrize(("form", "row"), [("mentions", ["Ada", "person", "2", "0"]), ("counts", ["person", "2", "1"])])
def test_distinct_mentions_and_counts_are_shown_as_a_table(
    page: Any, tmp_path: Path, form: str, row: list[str]
) -> None:
    text = "Ada saw Ada"
    found = Extraction(entities=[entity(text, "Ada", "person"), entity(text, "Ada", "person", after=1)])
    opened(page, tmp_path, text, view(found, form))
    assert page.locator("td").all_text_contents() == row
    assert page.locator("legend").text_content() == "2 entities of 1 type" and page.locator("td").first.is_visible()


def test_a_page_of_a_result_says_from_where_on_the_rest_is(page: Any, tmp_path: Path) -> None:
    opened(page, tmp_path, TEXT, view(example(), limit=1))
    assert page.locator(".note", has_text="Entities from character").is_visible()


def test_right_to_left_text_runs_from_the_right_and_labels_stay_with_their_entity(page: Any, tmp_path: Path) -> None:
    text = "مرحبا محمد من القاهرة في مصر"
    found = [entity(text, "محمد", "person"), entity(text, "مصر", "country")]
    opened(page, tmp_path, text, Extraction(entities=found))
    first, last = (page.locator("mark", has_text=one.text).bounding_box() for one in found)
    assert first["x"] > last["x"] + last["width"]
    opened(page, tmp_path, f"Yes: {text} (yes)", Extraction(entities=[entity(f"Yes: {text} (yes)", "مصر", "country")]))
    # One piece: the label is not torn off to the other end of the Arabic words.
    assert page.evaluate("document.querySelector('mark').getClientRects().length") == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_can_be_read_in_light_and_dark(page: Any, tmp_path: Path, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)
    kinds = [f"kind {number}" for number in range(12)]
    text = " ".join(kinds)
    found = [entity(text, f"{kind} "[: len(kind)], kind) for kind in kinds[2:]]
    opened(page, tmp_path, text, Extraction(entities=found))
    assert page.evaluate(CONTRAST) >= 4.5


CONTRAST = """() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const luminance = (colour) => {
    canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].map((v) => v / 255)
      .map((v) => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
    return .2126 * r + .7152 * g + .0722 * b;
  };
  const ratio = (style) => {
    const [a, b] = [luminance(style.color), luminance(style.backgroundColor)].sort((x, y) => y - x);
    return (a + .05) / (b + .05);
  };
  return Math.min(...[...document.querySelectorAll("mark")].flatMap((mark) =>
    [ratio(getComputedStyle(mark)), ratio(getComputedStyle(mark, "::after"))]));
}"""

HOST = """<!doctype html><meta charset="utf-8">
<style>body { margin: 0 } iframe { width: 100%; height: 600px; border: 0 }</style>
<iframe sandbox="allow-scripts"></iframe>
<script>
const frame = document.querySelector("iframe");
const heard = window.heard = [];
window.tell = (message) => frame.contentWindow.postMessage({ jsonrpc: "2.0", ...message }, "*");
addEventListener("message", ({ data }) => {
  heard.push(data);
  if (data.method === "ui/initialize") tell({ id: data.id, result: { protocolVersion: "2026-01-26",
    hostInfo: { name: "test", version: "1" }, hostCapabilities: {}, hostContext: { theme: "dark",
    styles: { variables: { "--color-text-primary": "rgb(1, 2, 3)", "bad;name": "x" } } } } });
});
</script>"""


@pytest.fixture
def hosted(page: Any, tmp_path: Path) -> Any:
    """A host of MCP Apps: it reads the card from a real server, as the tool says, and shows it in a sandbox."""

    async def read() -> tuple[str, str | None]:
        async with Extractor(names_engine()) as extractor, Client(build_server(extractor, domain_list())) as client:
            tools = {tool.name: tool for tool in (await client.list_tools()).tools}
            meta = tools["extract_entities"].meta
            assert meta is not None
            content = (await client.read_resource(meta["ui"]["resourceUri"])).contents[0]
            assert isinstance(content, TextResourceContents)
            return content.text, content.mime_type

    with ThreadPoolExecutor() as pool:  # Playwright has a loop in this thread.
        html, mime = pool.submit(asyncio.run, read()).result()
    assert mime == "text/html;profile=mcp-app"
    (tmp_path / "host.html").write_text(HOST, encoding="utf-8")
    page.goto((tmp_path / "host.html").as_uri())
    page.evaluate("(html) => { document.querySelector('iframe').srcdoc = html; }", html)
    page.wait_for_function("heard.some((one) => one.method === 'ui/notifications/initialized')")
    return page


def tell(page: Any, method: str, params: dict[str, Any]) -> None:
    page.evaluate("(message) => tell(message)", {"method": method, "params": params})


def test_the_card_shows_the_call_in_the_colours_of_its_host(hosted: Any) -> None:
    card = hosted.frame_locator("iframe")
    assert card.locator("#view").text_content() == "Finding entities …"
    tell(hosted, "ui/notifications/tool-input", {"arguments": {"text": TEXT, "entity_types": ["person"]}})
    result = {"content": [], "structuredContent": example().model_dump(mode="json", exclude_none=True)}
    tell(hosted, "ui/notifications/tool-result", result)
    card.locator("mark").first.wait_for()
    assert card.locator(".text").text_content() == TEXT and card.locator("mark").count() == 10
    assert card.locator("html").get_attribute("data-theme") == "dark"
    assert card.locator("body").evaluate("(body) => getComputedStyle(body).color") == "rgb(1, 2, 3)"
    hosted.wait_for_function(
        "heard.some((one) => one.method === 'ui/notifications/size-changed' && one.params.height > 200)"
    )
    tell(hosted, "ui/notifications/host-context-changed", {"theme": "light"})
    card.locator("html[data-theme=light]").wait_for()


@pytest.mark.parametrize(
    ("method", "params", "said"),
    [
        ("tool-result", {"isError": True, "content": [{"type": "text", "text": "A <b>type</b>."}]}, "A <b>type</b>."),
        ("tool-result", {"content": []}, "The call returned nothing."),
        ("tool-cancelled", {"reason": "x"}, "The call was cancelled."),
    ],
)
def test_the_card_says_what_went_wrong(hosted: Any, method: str, params: dict[str, Any], said: str) -> None:
    tell(hosted, f"ui/notifications/{method}", params)
    hosted.frame_locator("iframe").get_by_text(said).wait_for()


def test_the_card_answers_its_host(hosted: Any) -> None:
    for number, method in ((7, "ping"), (8, "ui/resource-teardown"), (9, "made/up")):
        hosted.evaluate("(message) => tell(message)", {"id": number, "method": method, "params": {}})
    hosted.wait_for_function("heard.some((one) => one.id === 9)")
    answers = {one["id"]: one for one in hosted.evaluate("heard") if one.get("id") in (7, 8, 9)}
    assert answers[7]["result"] == answers[8]["result"] == {} and answers[9]["error"]["code"] == -32601


def test_the_playground_finds_types_and_domains_through_the_endpoint(page: Any, playground: str) -> None:
    page.goto(playground)
    page.get_by_role("button", name="Find entities").click()
    page.locator("mark").first.wait_for()
    assert ("Warsaw", "city") in marked(page)
    page.get_by_role("textbox", name="Text").fill("Tom Reed <b>left</b> Berlin.")
    page.get_by_label("Or all types of a domain").select_option("general")
    page.get_by_role("button", name="Find entities").click()
    page.locator("mark", has_text="Tom Reed").wait_for()
    assert page.locator(".text").text_content() == "Tom Reed <b>left</b> Berlin."


def test_the_playground_shows_a_result_that_comes_in_several_pages(page: Any, playground: str) -> None:
    page.goto(playground)
    page.get_by_role("textbox", name="Text").fill("Tom Reed left Berlin. " * 400)
    page.get_by_role("button", name="Find entities").click()
    page.locator("mark", has_text="Tom Reed").first.wait_for()
    assert page.locator("mark[data-type=city]").count() == 400 and not page.locator(".note").count()


def test_the_playground_says_what_is_wrong(page: Any, playground: str) -> None:
    page.goto(playground)
    page.get_by_label("Entity types").fill(" , ")
    page.get_by_role("button", name="Find entities").click()
    page.locator(".detail", has_text="entity_types").wait_for()
    assert json.loads(page.evaluate("JSON.stringify([document.querySelectorAll('mark').length])")) == [0]
