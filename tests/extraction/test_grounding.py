"""Grounding mentions in their passage."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from uniner_mcp.engines.base import Answer, Mention, Passage, Provenance
from uniner_mcp.extraction.grounding import ground
from uniner_mcp.extraction.merging import merge
from uniner_mcp.extraction.passages import split_passages
from uniner_mcp.schema import Entity, EntityType

FAMILY = "👩\u200d👩\u200d👧"
FRAGMENTS = [
    *"aAsSfi9_-–'’\"“ \t\n\u00a0\x1c\u0301\u0323\u0302\u200d\u200c\uffff\ufffe.(*[\\",
    *["İstanbul", "ß", "ﬁ", "ŉ", "Å", "A\u030a", "ς", "Ǆ", "각", "가", "북", "ᄀ", "ᅡ", "ᆨ", "\r\n", "北京", "カ\u3099"],
    *["น้ำ", "हिन्दी", "القاهرة", "ירושלים", FAMILY, "👩", "❤️", "❤", "🇩🇪", "word"],
]
texts = st.lists(st.sampled_from(FRAGMENTS), max_size=30).map("".join) | st.text(max_size=30)
confidences = st.none() | st.floats(0, 1)
spans = st.none() | st.tuples(st.integers(-3, 40), st.integers(-3, 40))
mentions = st.lists(st.builds(Mention, texts, spans, confidences), max_size=6)


def answer(*said: Mention | str) -> Answer:
    listed = tuple(Mention(mention) if isinstance(mention, str) else mention for mention in said)
    return Answer(EntityType(name="place"), listed, Provenance("scripted", "none", "0"))


def find(text: str, *said: Mention | str) -> list[tuple[int, int]]:
    entities, _ = ground(Passage(text), answer(*said))
    return [(entity.start, entity.end) for entity in entities]


def found_in(text: str, *said: Mention | str) -> list[str]:
    entities, _ = ground(Passage(text), answer(*said))
    return [entity.text for entity in entities]


def dropped(text: str, *said: Mention | str) -> int:
    return ground(Passage(text), answer(*said))[1]


@given(texts, mentions, texts)
def test_an_entity_is_a_stretch_of_the_callers_text(text: str, said: list[Mention], before: str) -> None:
    entities, _ = ground(Passage(text, len(before)), answer(*said))
    whole = before + text
    for entity in entities:
        assert whole[entity.start : entity.end] == entity.text
        assert entity.text.strip() == entity.text != ""
        assert entity.start >= len(before)


@given(texts, mentions)
def test_entities_are_in_reading_order_without_repeats(text: str, said: list[Mention]) -> None:
    found = find(text, *said)
    assert found == sorted(set(found))


@given(texts, mentions)
def test_mentions_are_dropped_one_by_one(text: str, said: list[Mention]) -> None:
    assert dropped(text, *said) == sum(not find(text, mention) for mention in said)


@given(texts, st.data())
def test_what_stands_at_a_span_is_grounded_there(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    body = text[start:end].strip()
    at = text.find(body, start)
    marks = regex.compile(r"[\p{GCB=Extend}\p{GCB=SpacingMark}\p{GCB=ZWJ}]*").match(text, at + len(body))
    assert marks is not None
    assert find(text, Mention(text[start:end], (start, end))) == ([(at, marks.end())] if body else [])


REWRITES: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "casefold": str.casefold,
    "NFC": lambda mention: unicodedata.normalize("NFC", mention),
    "NFD": lambda mention: unicodedata.normalize("NFD", mention),
    "NFD casefold": lambda mention: unicodedata.normalize("NFD", mention).casefold(),
    "other spaces": lambda mention: regex.sub(r"\s+", "\u2003\n", mention),
    "ASCII": lambda mention: mention.translate(str.maketrans("“”–’", '""-\'')),
}


@pytest.mark.parametrize("rewrite", REWRITES.values(), ids=REWRITES)
@given(words=st.lists(st.sampled_from(["Straße", "ﬁn", "İzmir", "Ångström", "ΣΑΣ", "“Aŉa”", "10–12", "O’Hara", "Ệ"])))
def test_a_whole_mention_is_found_however_it_is_rewritten(rewrite: Callable[[str], str], words: list[str]) -> None:
    mention = "  ".join(words)
    assert find(f"see {mention} ok", rewrite(mention)) == ([(4, 4 + len(mention))] if words else [])


@given(st.lists(st.sampled_from(["Ada", "Bob", "Ωmega", "北京", "met", "saw"]), min_size=1, max_size=40), st.data())
def test_passages_give_the_same_entities_as_the_whole(words: list[str], data: st.DataObject) -> None:
    sentences = [f"{' '.join(['Then', *words[i : i + 4]])}." for i in range(0, len(words), 4)]
    text = data.draw(st.sampled_from([" ", "\n", "\r\n\r\n"])).join(sentences)
    said = answer("Ada", Mention("Bob", confidence=0.5), "Ωmega", "北京", "saw Ada")
    whole, _ = ground(Passage(text), said)
    parts: list[Entity] = []
    for passage in split_passages(text, data.draw(st.integers(15, 40))):
        parts.extend(ground(passage, said)[0])
    assert merge(parts, "all") == merge(whole, "all")


def test_offsets_count_from_the_start_of_the_callers_text() -> None:
    entities, ungrounded = ground(Passage("in Paris", 100), answer(Mention("Paris", confidence=0.5)))
    assert entities == [Entity(text="Paris", type="place", start=103, end=108, confidence=0.5)]
    assert ungrounded == 0


def test_a_mention_with_a_span_stands_only_there() -> None:
    assert find("Paris or Paris", Mention("Paris", (9, 14))) == [(9, 14)]


def test_a_span_may_cut_a_word() -> None:
    assert find("Parisian", Mention("Paris", (0, 5))) == [(0, 5)]


@pytest.mark.parametrize("span", [(0, 4), (1, 5), (-5, 5), (3, 2), (0, 50), (9, 14)])
def test_a_mention_that_does_not_stand_at_its_span_is_dropped(span: tuple[int, int]) -> None:
    assert ground(Passage("Paris"), answer(Mention("Paris", span))) == ([], 1)


def test_spaces_around_a_span_are_left_out() -> None:
    assert find("to  Paris\n now", Mention("  Paris\n", (2, 10))) == [(4, 9)]


def test_spaces_around_a_mention_are_overlooked() -> None:
    assert find("to Paris now", " Paris\n") == [(3, 8)]


@pytest.mark.parametrize("mention", [Mention(""), Mention(" \n"), Mention("", (1, 1)), Mention(" ", (1, 2))])
def test_a_blank_mention_is_dropped_and_counted(mention: Mention) -> None:
    assert ground(Passage("a b"), answer(mention)) == ([], 1)


def test_a_mention_that_is_not_in_the_text_is_dropped_and_counted_once() -> None:
    assert ground(Passage("Paris"), answer("London", "Paris"))[1] == 1


def test_an_answer_without_mentions_has_no_entities() -> None:
    assert ground(Passage("Paris"), answer()) == ([], 0)


def test_every_occurrence_of_a_mention_is_an_entity() -> None:
    assert find("Oslo, Oslo and Oslo", "Oslo") == [(0, 4), (6, 10), (15, 19)]


def test_a_mention_does_not_overlap_itself() -> None:
    assert find("ha ha ha ha", "ha ha") == [(0, 5), (6, 11)]
    assert find("谢谢谢谢谢", "谢谢") == [(0, 2), (2, 4)]


def test_entities_come_in_reading_order_whatever_the_order_of_the_mentions() -> None:
    assert found_in("Oslo, Rome, Oslo", "Rome", "Oslo") == ["Oslo", "Rome", "Oslo"]


def test_an_occurrence_that_is_no_whole_word_does_not_hide_one_that_is() -> None:
    assert find("ba a a", "a a") == [(3, 6)]


def test_repeated_mentions_are_one_entity_with_the_highest_confidence() -> None:
    said = answer("Oslo", Mention("Oslo", confidence=0.3), Mention("OSLO", (0, 4), 1.0), Mention("Oslo", (0, 4), 0.7))
    entities, ungrounded = ground(Passage("Oslo"), said)
    assert [(entity.text, entity.confidence) for entity in entities] == [("Oslo", 0.7)]
    assert ungrounded == 1


def test_a_confidence_of_zero_is_higher_than_none() -> None:
    entities, _ = ground(Passage("Oslo"), answer("Oslo", Mention("Oslo", confidence=0.0)))
    assert [entity.confidence for entity in entities] == [0.0]


@pytest.mark.parametrize(
    ("text", "mention"),
    [
        ("party", "art"),
        ("snake_art", "art"),
        ("art2", "art"),
        ("2023", "23"),
        ("Москвами", "Москва"),
        ("e\u0301cole", "cole"),
        ("cafe\u0301", "cafe"),
        ("résumés", "résumé"),
        ("والقاهرة", "القاهرة"),
        ("می\u200cخواهم", "می"),
        ("Häagen", "agen"),
        ("Straße", "stras"),
        ("oﬃce", "of"),
    ],
)
def test_a_part_of_a_word_is_no_occurrence(text: str, mention: str) -> None:
    assert ground(Passage(text), answer(mention)) == ([], 1)


@pytest.mark.parametrize(
    ("text", "mention"),
    [
        ("กิน้ำ", "กิน"),
        ("カ\u3099ラス", "カ"),
        ("각", "가"),
        (unicodedata.normalize("NFD", "각"), unicodedata.normalize("NFD", "가")),
        ("x\U0001f3fb", "x"),
        ("\uffff\u0301", "\u0301"),
        (FAMILY, "👩"),
        (FAMILY, "👧"),
        ("👍🏽", "👍"),
        ("❤️", "❤"),
        ("🇩🇪🇫🇷", "🇪🇫"),
        ("हिन्दी", "हिन"),
    ],
)
def test_a_part_of_a_cluster_is_no_occurrence(text: str, mention: str) -> None:
    assert ground(Passage(text), answer(mention)) == ([], 1)


@pytest.mark.parametrize(
    ("text", "mention", "start"),
    [
        ("我在北京市工作", "北京", 2),
        ("東京タワーへ行く", "タワー", 2),
        ("コーヒー2杯", "コーヒー", 0),
        ("日本Apple株式会社", "Apple", 2),
        ("서울에서 만나", "서울", 0),
        ("ฉันอยู่กรุงเทพครับ", "กรุงเทพ", 7),
        ("ຂ້ອຍຢູ່ວຽງຈັນ", "ວຽງຈັນ", 7),
        (f"x{FAMILY}y", FAMILY, 1),
        ("🇩🇪🇫🇷", "🇫🇷", 2),
        ("מטיילים בירושלים, ירושלים", "ירושלים", 18),
        ("زرت القاهرة أمس", "القاهرة", 4),
        ("नमस्ते दिल्ली।", "दिल्ली", 7),
        ("COVID-19", "COVID", 0),
        ("İstanbul'da", "İstanbul", 0),
    ],
)
def test_names_are_found_in_every_script(text: str, mention: str, start: int) -> None:
    assert find(text, mention) == [(start, start + len(mention))]


@pytest.mark.parametrize(
    ("text", "mention", "expected"),
    [
        ("İstanbul Ankara", "ankara", "Ankara"),
        ("İSTANBUL ANKARA", "i\u0307stanbul ankara", "İSTANBUL ANKARA"),
        ("die STRASSE hier", "Straße", "STRASSE"),
        ("die Straße hier", "STRASSE", "Straße"),
        ("the oﬃce door", "Office Door", "oﬃce door"),
        ("ΟΔΥΣΣΕΥΣ πλέει", "Οδυσσευς", "ΟΔΥΣΣΕΥΣ"),
        ("New\r\n  York", "new york", "New\r\n  York"),
        ("New York", "New \t York", "New York"),
        ("New\u00a0York", "New York", "New\u00a0York"),
        ("O’Hara’s “Bar”", "O'Hara's \"Bar\"", "O’Hara’s “Bar”"),
        ("rock 'n' roll", "rock ’n’ roll", "rock 'n' roll"),
        ("Spider–Man", "Spider-Man", "Spider–Man"),
        ("Café de\u0301ja\u0300", "Cafe\u0301 déjà", "Café de\u0301ja\u0300"),
        ("\u1fbc\u0301δης", "\u1fb4δης", "\u1fbc\u0301δης"),
        ("a\u0323\u0302b", "a\u0302\u0323b", "a\u0323\u0302b"),
        ("서울 " + unicodedata.normalize("NFD", "부산"), "부산", unicodedata.normalize("NFD", "부산")),
        ("party Art", "art", "Art"),
    ],
)
def test_differences_of_writing_are_overlooked_where_nothing_matches_exactly(
    text: str, mention: str, expected: str
) -> None:
    assert found_in(f"«{text}»", mention) == [expected]


@pytest.mark.parametrize(
    ("text", "mention", "expected"),
    [
        ("New York or New\nYork", "New York", ["New York", "New\nYork"]),
        ("New\u00a0York or New\r\n  York", "New York", ["New\u00a0York", "New\r\n  York"]),
        ("COVID-19 or COVID\u201119", "COVID-19", ["COVID-19", "COVID\u201119"]),
        ("COVID–19 or COVID-19", "COVID−19", ["COVID–19", "COVID-19"]),
        ("O'Neil or O’Neil", "O'Neil", ["O'Neil", "O’Neil"]),
        ('"Up" or “Up”', '"Up"', ['"Up"', "“Up”"]),
        ("Café or Cafe\u0301", "Café", ["Café", "Cafe\u0301"]),
        ("a\u0323\u0302b or a\u0302\u0323b", "a\u0302\u0323b", ["a\u0323\u0302b", "a\u0302\u0323b"]),
        ("Å or \u212b", "Å", ["Å", "\u212b"]),
    ],
)
def test_repeats_in_another_typography_are_found_beside_the_exact_ones(
    text: str, mention: str, expected: list[str]
) -> None:
    assert found_in(text, mention) == expected


@pytest.mark.parametrize(
    ("text", "mention", "expected"),
    [
        ("US troops and us", "US", ["US"]),
        ("Bush in the bush, BUSH", "Bush", ["Bush"]),
        ("New\nYork and new york", "New York", ["New\nYork"]),
        ("O’NEIL and O’Neil", "O'Neil", ["O’Neil"]),
        ("OSLO and oslo", "Oslo", ["OSLO", "oslo"]),
        ("die Straße, die STRASSE", "Straße", ["Straße"]),
    ],
)
def test_another_case_counts_only_where_nothing_has_the_same(text: str, mention: str, expected: list[str]) -> None:
    assert found_in(text, mention) == expected


@given(st.lists(st.sampled_from(["Spider-Man", "“Aŉa”", "O’Hara", "Ångström"]), min_size=1, max_size=3))
def test_every_repeat_is_found_in_whichever_typography_it_is_said(words: list[str]) -> None:
    mention = " ".join(words)
    spelt = [rewrite(mention) for name, rewrite in REWRITES.items() if "casefold" not in name]
    text = " ; ".join(spelt)
    assert all(found_in(text, said) == spelt for said in spelt)


def test_signs_that_mean_something_in_patterns_are_plain_characters() -> None:
    assert found_in(r"see C++ (a.b)* [x]\d", "C++", "(a.b)*", r"[x]\d", ".*") == ["C++", "(a.b)*", r"[x]\d"]


def test_huge_mentions_do_no_harm() -> None:
    said = answer("(" * 100_000, "a+" * 50_000, " " * 100_000 + "b", "Oslo " * 20_000)
    entities, ungrounded = ground(Passage("Oslo b " + "a" * 2_000), said)
    assert [entity.text for entity in entities] == ["b"]
    assert ungrounded == 3


def test_noncharacters_are_characters_like_others() -> None:
    assert find("a\uffffb \uffff\ufffe", "b", "\uffff\ufffe", "a b") == [(2, 3), (4, 6)]


def test_a_lone_surrogate_is_a_character_like_others() -> None:
    assert find("a \ud800 b", "\ud800") == [(2, 3)]
