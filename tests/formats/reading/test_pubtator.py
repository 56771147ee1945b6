from __future__ import annotations

from pathlib import Path

import pytest
from formats.reading.conftest import mentions, read_text

from uniner_mcp.errors import RequestError
from uniner_mcp.formats.reading.options import Options

FILE = """12|t| Aspirin | |t| pipes
12|a|It helps.
12\t1\t8\tAspirin\tChemical\tD001241
12\t21\t23\tIt\tPronoun
12\t11\t14\t|t|\tMark\tD1|D2\ta|b
12\tCID\tD001241\tD008687

PMC7|t|No abstract
"""


def test_titles_abstracts_and_mentions_are_read_with_or_without_identifiers(tmp_path: Path) -> None:
    for name in ("test.pubtator", "test.txt"):
        one, other = read_text(tmp_path, name, FILE)
        assert (one.id, one.text) == ("12", " Aspirin | |t| pipes\nIt helps.")
        assert mentions(one)[0] == ("Aspirin", "Chemical") and mentions(one)[2] == ("|t|", "Mark")
        assert (other.id, other.text, other.entities) == ("PMC7", "No abstract", ())


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("1|t|Ada\n1|a|\n1\t0\t4\tAda\tX\n", "line 3: the text at 0 to 4"),
        ("1|t|Ada\n1\t0\t3\tAda\n", "line 2: expected identifier, start, end, mention and type"),
        ("1|t|Ada\n1\t0\tx\tAda\tX\n", "line 2: expected identifier, start, end"),
        ("\n1|a|Ada\n", "line 2: expected a title"),
        ("1|t|Ada\n2|t|Tom\n", "line 1: expected a title"),
        ("1|t|Ada\n2\t0\t3\tAda\tX\n", "line 2: expected the identifier of the document"),
        ("1|t|😀 Ada\n1\t3\t6\tAda\tX\n", "line 2: .*fit as UTF-16 units"),
    ],
)
def test_a_line_that_does_not_fit_is_named(tmp_path: Path, lines: str, said: str) -> None:
    with pytest.raises(RequestError, match=said):
        read_text(tmp_path, "test.pubtator", lines)


def test_utf_16_offsets_can_be_said(tmp_path: Path) -> None:
    (one,) = read_text(tmp_path, "x.pubtator", "1|t|😀 Ada\n1\t3\t6\tAda\tX\n", Options(offsets="utf-16"))
    assert mentions(one) == [("Ada", "X")]
