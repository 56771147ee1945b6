from __future__ import annotations

import pytest

from uniner_mcp.documents.html import html_text, read_html


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("<p>Ada <b>Love</b>lace<br>and\n <i>Bob</i>.</p>\n<p>x&nbsp;y &amp; z</p>",
         "Ada Lovelace\nand Bob.\n\nx\xa0y & z"),
        ("<title>News</title><script>var a</script><style>p{}</style><template><p>no</p></template><h1>H</h1>t",
         "News\n\nH\n\nt"),
        ("<ul><li>one<li>two</ul>end", "one\ntwo\nend"),
        ("<div><div>a</div></div><div>b</div>", "a\nb"),
        ("<pre>a\n  b</pre>c  d", "a\n  b\nc d"),
        ("<table><tr><th>Name<th>City<tr><td><p>Ada</p><td>Rome</table>after", "Name | City\nAda | Rome\nafter"),
        ("<table><tr><td></td><td>Ada</td><td>Rome</td></tr></table>", "Ada | Rome"),
        ("<table><tr><td><p>a</p><p>b</p></td></tr></table><p>c</p>", "a\nb\n\nc"),
        ("Ada<script/>Bob", "AdaBob"),
        ("a<!-- no --> b</div></pre> c", "a b\nc"),
        ("日本<wbr>語", "日本語"),
        ("just text < and", "just text < and"),
        ("", ""),
    ],
)  # fmt: skip
def test_the_text_is_what_a_reader_sees(page: str, text: str) -> None:
    assert html_text(page) == text


def test_nothing_is_lost_however_deep_it_is() -> None:
    assert html_text("<div>" * 50_000 + "Ada" + "</div>" * 50_000) == "Ada"


@pytest.mark.parametrize(
    "content",
    [
        "<meta charset='utf-8'><p>Müller".encode(),
        "<p>Müller".encode(),
        "<p>Müller".encode("utf-16"),
        "\ufeff<p>Müller".encode(),
        '<meta http-equiv="Content-Type" content="text/html; charset=iso-8859-1"><p>Müller'.encode("latin-1"),
        "<meta charset=windows-1251><p>Müller".encode(),
        "<meta charset=none-such><p>Müller".encode(),
        "<meta charset=utf-16><p>Müller".encode(),
    ],
)
def test_the_declared_encoding_is_used(content: bytes) -> None:
    if b"1251" in content:
        content = content.replace("ü".encode(), b"\xd0")
        assert read_html(content).text == "MРller"
    else:
        assert read_html(content).text == "Müller"
