from __future__ import annotations

import re
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uniner_mcp.engines.teacher.redaction import Redactable, redact

ALL: tuple[Redactable, ...] = get_args(Redactable)
LONG = "Ab3" * 12
HEX = "9f86d081" * 4
PEM = "-----BEGIN RSA PRIVATE " + "KEY-----\nMIIB\nabc=\n-----END RSA PRIVATE " + "KEY-----"
# Put together here, so that no scanner takes them for secrets.
FOUND = {
    "email": [
        "maria@example.org",
        "m.keller+news@mail.example.co.uk",
        "o'brien@example.ie",
        "用户@例子.广告",
        "a@b.cd",
        "MARIA@EXAMPLE.ORG",
        "jose\u0301@example.org",
        "a@bücher.example",
        "a@xn--bcher-kva.example",
        "a@उदाहरण.परीक्षा",
        "l" * 70 + "@b.cd",
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
        "1-800-555-1234",
        "555-123-4567x89",
        "555-123-4567 ext. 89",
        "030 1234567",
        "01 23 45 67 89",
        "089/1234-567",
        "030/123456",
        "07700 900123",
        "01632960961",
        "(030) 123 45 67",
        "+49-171-1234567",
        "+43 (0)1 234567",
        "0049 (0)30/1234567",
        "(0)30 1234567",
        "+49\u202f30\u202f1234567",
        "+49 30 / 1234567",
        "+7 495 123-45-67",
        "06.12.34.56.78",
        "02/1234-567",
    ],
    "iban": [
        "DE89370400440532013000",
        "DE89 3704 0044 0532 0130 00",
        "GB29 NWBK 6016 1331 9268 19",
        "fr1420041010050500013m02606",
        "NO9386011117947",
        "BE68 5390 0754 7034",
        "mt84 malt 0110 0001 2345 mtlc ast0 01s",
        "GB29\u00a0NWBK\u00a06016\u00a01331\u00a09268\u00a019",
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
        "pypi-" + LONG,
        "gho_" + LONG,
        "ghs_" + LONG,
        "xoxp-" + "123456789012-abcdefghijkl",
        "ASIA" + "ABCD1234" * 2,
        "rk_live_" + LONG,
        "pk_live_" + LONG,
        "sk-" + LONG * 300,
        "sk_live_" + LONG,
        "eyJ" + "hbGciOi.eyJzdWIiOiIx.c2lnbmF0dXJl",
        LONG,
        HEX,
        PEM,
        PEM.replace("RSA", "OPENSSH"),
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
    "from 01.02.2024-05.06.2024",
    "01 02 2024",
    "on 01. 01. 2014 and 09 / 04 / 1919",
    "100 000-400 000 people",
    "case 0012843-03.2015.8.07.0001",
    "2024-11-25T10:30:00",
    "01.02.2024 10:30",
    "06/2019-07/2020",
    "Nature (2019) 2020",
    "see (12) 1990-1995",
    "from 476-1453",
    "doses of 500-1500 mg",
    "1.234.567,89 EUR",
    "ISBN 0306406152",
    "ISBN 978-3-16-148410-0",
    "GO:0008150",
    "CAS 7732-18-5",
    "ORCID 0000-0002-1825-0097",
    "CD4+ 20-40",
    "v10.0.19041.1",
    "sk-learn-contrib-something",
    "hf_transformers_something",
    "the standard bearer certificates",
    "basic knowledge",
    "my24 this that them",
    "ACGT" * 20,
    "The token: short",
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
        ("postgres://user:pass@db.example.org/x", "postgres://[KEY_1]@db.example.org/x"),
        ("redis://:p@ss@localhost/", "redis://[KEY_1]@localhost/"),
        ("a@b.cd and c@d.ef and a@b.cd", "[EMAIL_1] and [EMAIL_2] and [EMAIL_1]"),
        ("[EMAIL_1] is a@b.cd", "[EMAIL_1] is [EMAIL_2]"),
        ("[email_1] is a@b.cd", "[email_1] is [EMAIL_2]"),
        (f"x {LONG}@b.cd", "x [EMAIL_1]"),
        (f"token: {LONG}:a@b.cd:x", "token: [KEY_1]"),
        (f"+49 30 1234567 {HEX}", "[PHONE_1]"),
        ("BE68 5390 0754 7034 with love", "[IBAN_1] with love"),
        ("Tel.030 1234567", "Tel.[PHONE_1]"),
        (f"sha256={HEX}", "sha256=[KEY_1]"),
        (f"private_key: {PEM} end", "private_key: [KEY_1] end"),
        (PEM[:42] + "and words", "[KEY_1]\nand words"),
        ('password="correct horse battery"', 'password="[KEY_1]"'),
        ("token=" + "x" * 9000 + " end", "token=[KEY_1] end"),
        ("EMAIL_1 is a@b.cd", "EMAIL_1 is [EMAIL_2]"),
        ("bearer abc12345 of it", "bearer [KEY_1] of it"),
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


def test_a_value_is_taken_wherever_it_stands_also_without_its_name() -> None:
    for value in ("hunter2hunter2", "h2" * 400):
        text = f"{value}: password={value}; he typed x{value}x"
        assert redact(text, ALL).text == "[KEY_1]: password=[KEY_1]; he typed x[KEY_1]x"


PIECES = st.sampled_from(
    [value for values in FOUND.values() for value in values if len(value) < 200]
    + KEPT
    + ["[EMAIL_1]", "[key_2]", "[", "EMAIL_", "1]", "password=", "://", ":", "@", " "]
)
TEXTS = st.lists(st.one_of(PIECES, st.text(st.characters(), max_size=8)), max_size=8).map("".join)


@given(TEXTS)
def test_whatever_the_text_nothing_is_lost(text: str) -> None:
    redacted = redact(text, ALL)
    assert redacted.restored(redacted.text) == text
    assert all(placeholder not in text.upper() for placeholder in redacted.originals)
    assert len(set(redacted.originals.values())) == len(redacted.originals)


@given(TEXTS)
def test_whatever_the_text_no_value_stays(text: str) -> None:
    redacted = redact(text, ALL)
    assert not [value for value in redacted.originals.values() if len(value) >= 8 and value in redacted.text]


@given(TEXTS, st.data())
def test_a_stretch_that_cuts_no_placeholder_is_a_stretch_of_the_text(text: str, data: st.DataObject) -> None:
    redacted = redact(text, ALL)
    units: list[str] = re.findall("|".join([*map(re.escape, redacted.originals), r"[\s\S]"]), redacted.text)
    start = data.draw(st.integers(0, len(units)))
    end = data.draw(st.integers(start, len(units)))
    before = redacted.restored("".join(units[:start]))
    assert text.startswith(redacted.restored("".join(units[start:end])), len(before))


@pytest.mark.parametrize("text", ["a" * 10**6, "1-" * 500_000, "eyJ" * 300_000, "AB12 " * 200_000])
def test_a_megabyte_of_anything_is_read_to_its_end(text: str) -> None:
    redacted = redact(text, ALL)
    assert redacted.restored(redacted.text) == text


@pytest.mark.parametrize(
    "piece",
    (
        "a.",
        "+1 ",
        "(1)",
        "0 ",
        "a@",
        "a@a.",
        "password=",
        "password='",
        "-----BEGIN PRIVATE KEY-----",
        "://a:",
        "sk-",
        "bearer ",
        "-",
        "+" + "1" * 30 + "a ",
        "eyJaaaaa.",
        "Ab1 ",
        "1",
        "token ",
    ),
)
def test_a_long_text_of_anything_is_read_to_its_end(piece: str) -> None:
    text = piece * (200_000 // len(piece))
    redacted = redact(text, ALL)
    assert redacted.restored(redacted.text) == text


def test_many_different_values_are_numbered_to_the_last() -> None:
    text = " ".join(f"user{number}@example.org" for number in range(20_000))
    assert redact(text, ALL).text.endswith("[EMAIL_20000]")
