from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uniner_mcp.engines.redaction import Redactable, redact

ALL: tuple[Redactable, ...] = get_args(Redactable)
LONG = "Ab3" * 12
# Put together here, so that no scanner takes them for secrets.
FOUND = {
    "email": [
        "maria@example.org",
        "m.keller+news@mail.example.co.uk",
        "o'brien@example.ie",
        "用户@例子.广告",
        "a@b.cd",
        "MARIA@EXAMPLE.ORG",
    ],
    "phone": [
        "+49 30 1234567",
        "+1 (555) 123-4567",
        "0049 30 1234567",
        "+33 1 23 45 67 89",
        "+441632960961",
        "(555) 123-4567",
        "555-123-4567",
        "555.123.4567",
        "555-1234",
        "030 1234567",
        "01 23 45 67 89",
        "089/1234-567",
        "030/123456",
        "07700 900123",
        "01632960961",
        "(030) 123 45 67",
        "+49-171-1234567",
        "+43 (0)1 234567",
    ],
    "iban": [
        "DE89370400440532013000",
        "DE89 3704 0044 0532 0130 00",
        "GB29 NWBK 6016 1331 9268 19",
        "fr1420041010050500013m02606",
        "NO9386011117947",
        "DE00 0000 0000 0000 0000 00",
    ],
    "key": [
        "sk-" + LONG,
        "sk-proj-" + LONG,
        "sk-ant-api03-" + LONG,
        "ghp_" + LONG,
        "github_pat_" + LONG,
        "AKIA" + "ABCD1234" * 2,
        "AIza" + LONG,
        "xoxb-" + "123456789012-abcdefghijkl",
        "glpat-" + "a1b2c3d4e5f6g7h8i9j0",
        "hf_" + LONG,
        "npm_" + LONG,
        "sk_live_" + LONG,
        "eyJ" + "hbGciOi.eyJzdWIiOiIx.c2lnbmF0dXJl",
        LONG,
        "9f86d081884c7d659a2feaa0c55ad015",
        "-----BEGIN RSA PRIVATE " + "KEY-----\nMIIB\nabc=\n-----END RSA PRIVATE " + "KEY-----",
    ],
}  # fmt: skip
KEPT = [
    "on 2024-11-25",
    "on 25.11.2024",
    "on 11/25/2024",
    "in 1867 and 1903",
    "for 1,234,567.89 dollars",
    "version 3.11.7",
    "at 192.168.100.200",
    "see section 4.2.1.3",
    "the 10-year plan",
    "pages 100-200",
    "rs12345678",
    "C6H12O6",
    "BRCA1",
    "HLA-DRB1*15:01",
    "a 3-0 win",
    "1914-1918",
    "9:30-10:15",
    "50.000 people",
    "ISBN 9783161484100",
    "@maria",
    "a@b",
    "the word sk-learn",
    "supercalifragilisticexpialidocious-and-more-words",
    "https://example.org/a/b?c=d",
    "[EMAIL_1]",
    "in 2019-2020 and 2020/2021",
    "Article 12 of 2016/679",
    "1 000 000 people",
    "the token ring",
    "100 200 300",
]  # fmt: skip


@pytest.mark.parametrize(("kind", "value"), [(kind, value) for kind, values in FOUND.items() for value in values])
def test_it_is_taken_out_and_put_back(kind: str, value: str) -> None:
    for text in (value, f"Write to {value}, or call.", f"({value})\n{value}"):
        redacted = redact(text, ALL)
        assert value not in redacted.text and f"[{kind.upper()}_1]" in redacted.text, redacted.text
        assert redacted.restored(redacted.text) == text


@pytest.mark.parametrize("text", KEPT)
def test_what_entity_types_depend_on_stays(text: str) -> None:
    assert redact(text, ALL).text == text


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("password=hunter2hunter2 now", "password=[KEY_1] now"),
        ('"api_key": "abcd-efgh-1234"', '"api_key": "[KEY_1]"'),
        ("Authorization: Bearer abcdef123456", "Authorization: Bearer [KEY_1]"),
        ("postgres://user:pass@db.example.org/x", "postgres://[KEY_1]/x"),
        ("a@b.cd and c@d.ef and a@b.cd", "[EMAIL_1] and [EMAIL_2] and [EMAIL_1]"),
        ("[EMAIL_1] is a@b.cd", "[EMAIL_1] is [EMAIL_2]"),
        ("[email_1] is a@b.cd", "[email_1] is [EMAIL_2]"),
        (f"x {LONG}@b.cd", "x [KEY_1]"),
        ("https://user:p4ss-w0rd@localhost/", "https://[KEY_1]@localhost/"),
    ],
)
def test_what_stands_around_it_stays_and_finds_that_overlap_are_one(text: str, redacted: str) -> None:
    assert redact(text, ALL).text == redacted
    assert redact(text, ALL).restored(redacted) == text


def test_only_what_is_asked_for_is_taken() -> None:
    assert redact("a@b.cd +49 30 1234567", ["phone"]).text == "a@b.cd [PHONE_1]"
    assert redact("a@b.cd", []).text == "a@b.cd"


def test_a_mention_around_a_placeholder_is_restored_in_any_letter_case() -> None:
    redacted = redact("Ask Bob <bob@example.org> today.", ALL)
    assert redacted.restored("Bob <[email_1]>") == "Bob <bob@example.org>"
    assert redacted.restored("[EMAIL_7]") == "[EMAIL_7]"


PIECES = st.sampled_from(
    [value for values in FOUND.values() for value in values] + KEPT + ["[EMAIL_1]", "[key_2]", " "]
)


@given(st.lists(st.one_of(PIECES, st.text(max_size=8)), max_size=8).map("".join))
def test_whatever_the_text_nothing_is_lost(text: str) -> None:
    redacted = redact(text, ALL)
    assert redacted.restored(redacted.text) == text
    assert all(placeholder not in text.upper() for placeholder in redacted.originals)
    assert len(set(redacted.originals.values())) == len(redacted.originals)


@pytest.mark.parametrize(
    "piece", ["a", "1-", "eyJ", "AB12 ", "a.", "+1 ", "(1)", "0 ", "a@", "password=", "-----BEGIN PRIVATE KEY-----"]
)
def test_a_long_text_of_anything_is_read_to_its_end(piece: str) -> None:
    text = piece * (200_000 // len(piece))
    assert redact(text, ALL).restored(redact(text, ALL).text) == text
