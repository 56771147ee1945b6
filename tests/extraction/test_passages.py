"""Splitting a text into passages."""

from __future__ import annotations

from itertools import pairwise

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from uniner_mcp.engines.base import Passage
from uniner_mcp.extraction.passages import split_passages, units

FAMILY = "👩\u200d👩\u200d👧"
FLAGS = "🇩🇪🇫🇷🇯🇵"
FRAGMENTS = [
    *"aZ9.!?,;'\"()-_ \t\n\r\u2029\u00a0\x1c\u0301\u200d\ufe0f。、！」«",
    *["word", "Dr.", "e.g.", "e\u0301", "\r\n", "\n\n", "İ", "ß", "Ελλάδα", "Москва", "北京", "カタカナ", "서울", "각"],
    *["ไทย", "น้ำ", "हिन्दी", "القاهرة", "ירושלים", FAMILY, FLAGS, "❤️", "👍🏽", "longunbrokenword" * 3],
]
texts = st.lists(st.sampled_from(FRAGMENTS), max_size=60).map("".join) | st.text(max_size=60)
budgets = st.integers(1, 40)
overlaps = st.none() | st.integers(0, 40)

sentences = st.lists(st.sampled_from(["ada", "met", "babbage", "in", "london"]), min_size=1, max_size=6).map(
    lambda words: " ".join(words).capitalize() + "."
)


def texts_of(passages: list[Passage]) -> list[str]:
    return [passage.text for passage in passages]


def cluster_ends(text: str) -> set[int]:
    return {0, *(cluster.end() for cluster in regex.finditer(r"\X", text))}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 0),
        (" \t\r\n\u2029\x1c", 0),
        ("a", 1),
        ("abc", 1),
        ("abcd", 2),
        ("route66", 3),
        ("abc def", 2),
        ("Ελλάδα Москва", 4),
        ("don't", 3),
        ("a_b", 3),
        ("北京市", 3),
        ("カナ", 2),
        ("서울", 6),
        ("مصر", 3),
        ("ไทย", 3),
        ("😀!", 2),
        (FAMILY, 5),
        ("e\u0301", 2),
        ("\ud800", 1),
    ],
)
def test_units_count_letters_by_threes_and_other_characters_by_one(text: str, expected: int) -> None:
    assert units(text) == expected


@given(texts, texts)
def test_units_of_two_texts_with_a_space_between_add_up(left: str, right: str) -> None:
    assert units(f"{left} {right}") == units(left) + units(right)


@given(texts, st.data())
def test_a_part_of_a_text_has_no_more_units_than_the_whole(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    assert units(text[start:end]) <= units(text)


@given(texts, budgets, overlaps)
def test_a_passage_is_the_slice_at_its_start_without_spaces_around(text: str, budget: int, overlap: int | None) -> None:
    for passage in split_passages(text, budget, overlap):
        assert passage.text
        assert passage.text == passage.text.strip()
        assert text[passage.start : passage.start + len(passage.text)] == passage.text


@given(texts, budgets, overlaps)
def test_every_character_but_spaces_is_in_a_passage(text: str, budget: int, overlap: int | None) -> None:
    passages = split_passages(text, budget, overlap)
    covered = {at for passage in passages for at in range(passage.start, passage.start + len(passage.text))}
    assert all(character.isspace() for at, character in enumerate(text) if at not in covered)


@given(texts, budgets, overlaps)
def test_a_passage_keeps_to_the_budget_unless_it_is_one_cluster(text: str, budget: int, overlap: int | None) -> None:
    for passage in split_passages(text, budget, overlap):
        assert units(passage.text) <= budget or regex.fullmatch(r"\X", passage.text)


@given(texts, budgets, overlaps)
def test_each_passage_begins_and_ends_after_the_one_before(text: str, budget: int, overlap: int | None) -> None:
    for before, after in pairwise(split_passages(text, budget, overlap)):
        assert before.start < after.start
        assert before.start + len(before.text) < after.start + len(after.text)


@given(texts, budgets, overlaps)
def test_passages_share_no_more_than_the_overlap(text: str, budget: int, overlap: int | None) -> None:
    most = budget // 6 if overlap is None else min(overlap, budget // 2)
    for before, after in pairwise(split_passages(text, budget, overlap)):
        assert units(text[after.start : before.start + len(before.text)]) <= most


@given(st.lists(st.sampled_from(FRAGMENTS), max_size=60).map("".join), budgets, overlaps)
def test_a_passage_never_begins_or_ends_inside_a_cluster(text: str, budget: int, overlap: int | None) -> None:
    whole = cluster_ends(text)
    for passage in split_passages(text, budget, overlap):
        end = passage.start + len(passage.text)
        assert passage.start in whole or text[passage.start - 1].isspace()
        assert end in whole or text[end].isspace()


@given(st.lists(sentences, max_size=30), st.integers(19, 60), overlaps)
def test_a_sentence_within_the_budget_is_whole_in_a_passage(parts: list[str], budget: int, overlap: int | None) -> None:
    text = " ".join(parts)
    passages = split_passages(text, budget, overlap)
    start = 0
    for sentence in parts:
        end = start + len(sentence)
        assert any(p.start <= start and end <= p.start + len(p.text) for p in passages)
        start = end + 1


@given(texts)
def test_a_text_within_the_budget_is_one_passage(text: str) -> None:
    assert texts_of(split_passages(text, max(1, units(text)))) == ([text.strip()] if text.strip() else [])


@pytest.mark.parametrize("text", ["", " ", "\r\n\u2029\t\x1c"])
def test_a_blank_text_has_no_passages(text: str) -> None:
    assert split_passages(text, 10) == []


@pytest.mark.parametrize(("budget", "overlap"), [(0, None), (-1, 0), (10, -1)])
def test_a_budget_or_overlap_that_makes_no_sense_is_refused(budget: int, overlap: int | None) -> None:
    with pytest.raises(ValueError, match="budget of at least 1"):
        split_passages("text", budget, overlap)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One two. Six ten.", ["One two.", "Six ten."]),
        ("One two! Six ten?", ["One two!", "Six ten?"]),
        ("One two… Six ten…", ["One two…", "Six ten…"]),
        ("“One.” (Six.)", ["“One.”", "(Six.)"]),
        ("„One.“ «Six.»", ["„One.“", "«Six.»"]),
        ("One two\nsix ten", ["One two", "six ten"]),
        ("One two\r\nsix ten", ["One two", "six ten"]),
        ("我走了。你来了！", ["我走了。", "你来了！"]),
        ("「行く。」「来た」", ["「行く。」", "「来た」"]),
        ("نعم؟ لا۔", ["نعم؟", "لا۔"]),
        ("אחת. שתי.", ["אחת.", "שתי."]),
        ("Да нет. А вот.", ["Да нет.", "А вот."]),
        ("I can't. We did.", ["I can't.", "We did."]),
    ],
)
def test_passages_end_with_sentences(text: str, expected: list[str]) -> None:
    assert texts_of(split_passages(text, units(text) - 1, 0)) == expected


@pytest.mark.parametrize(
    "sentence",
    [
        "Dr. Who met Mr. Spock.",
        "J. R. R. Tolkien wrote.",
        "In the U.S. Army they sing.",
        "Fruit, e.g. Apples, is good.",
        "It cost 3.5 or 4.25 euros.",
        "Yahoo! is old.",
        "He said… and left.",
        "See example.com or main.py now.",
    ],
)
def test_a_full_stop_inside_a_sentence_does_not_end_it(sentence: str) -> None:
    text = f"{sentence} {sentence}"
    assert texts_of(split_passages(text, units(text) - 1, 0)) == [sentence, sentence]


def test_a_blank_line_is_preferred_to_a_later_sentence_end() -> None:
    text = "One two. Six ten.\r\n\r\nRed tea. Hot day. Big sun."
    assert texts_of(split_passages(text, 10, 0)) == ["One two. Six ten.", "Red tea. Hot day. Big sun."]


def test_one_line_end_of_two_characters_is_no_blank_line() -> None:
    text = "One two. Six ten.\r\nRed tea. Hot day."
    assert texts_of(split_passages(text, 10, 0)) == ["One two. Six ten.\r\nRed tea.", "Hot day."]


def test_a_blank_line_early_on_does_not_make_a_tiny_passage() -> None:
    text = "Hi\n\nOne two. Six ten. Red tea. Hot day."
    assert texts_of(split_passages(text, 10, 0))[0] == "Hi\n\nOne two. Six ten. Red tea."


def test_a_long_sentence_is_cut_at_a_clause() -> None:
    text = "red tea, hot day, big sun and old man"
    assert texts_of(split_passages(text, 7, 0)) == ["red tea, hot day,", "big sun and old man"]


def test_a_clause_early_on_does_not_make_a_tiny_passage() -> None:
    assert texts_of(split_passages("hi, red tea hot day", 5, 0)) == ["hi, red tea hot", "day"]


def test_a_long_chinese_sentence_is_cut_at_a_clause() -> None:
    assert texts_of(split_passages("我来了，你走了，他还在这里", 9, 0)) == ["我来了，你走了，", "他还在这里"]


def test_a_long_clause_is_cut_between_words() -> None:
    assert texts_of(split_passages("red tea hot day big", 2, 0)) == ["red tea", "hot day", "big"]


def test_a_giant_word_is_cut_between_letters() -> None:
    assert texts_of(split_passages("x" * 31, 4, 0)) == ["x" * 12, "x" * 12, "x" * 7]


def test_a_word_among_chinese_characters_is_not_cut() -> None:
    assert texts_of(split_passages("我在Microsoft工作", 4, 0)) == ["我在", "Microsoft工", "作"]
    assert texts_of(split_passages("我在那Microsoft工作了", 5, 2)) == ["我在那", "在那Microsoft", "工作了"]


def test_a_letter_keeps_its_combining_marks() -> None:
    assert texts_of(split_passages("e\u0301" * 5, 4, 0)) == ["e\u0301" * 2, "e\u0301" * 2, "e\u0301"]


def test_an_emoji_sequence_and_a_flag_are_never_cut() -> None:
    assert texts_of(split_passages(FAMILY * 2, 3, 0)) == [FAMILY, FAMILY]
    assert texts_of(split_passages(FLAGS, 3, 0)) == ["🇩🇪", "🇫🇷", "🇯🇵"]


def test_a_cluster_longer_than_the_budget_is_a_passage() -> None:
    zalgo = "a" + "\u0301" * 20
    assert texts_of(split_passages(f"red {zalgo} tea", 5, 0)) == ["red", zalgo, "tea"]


def test_a_passage_repeats_the_last_whole_sentences_of_the_one_before() -> None:
    text = "One two. Six ten. Red tea. Hot day. Big sun."
    assert texts_of(split_passages(text, 10, 3)) == ["One two. Six ten. Red tea.", "Red tea. Hot day. Big sun."]


def test_the_overlap_is_a_sixth_of_the_budget_by_default() -> None:
    text = "One two. Six ten. Red tea. Hot day. Big sun. Old man. Fat cat. Sad dog."
    assert split_passages(text, 18) == split_passages(text, 18, 3) != split_passages(text, 18, 0)


def test_no_overlap_is_taken_where_the_next_sentence_would_not_fit_beside_it() -> None:
    text = "One two. Red tea and hot day."
    assert texts_of(split_passages(text, 6, 3)) == ["One two.", "Red tea and hot day."]


def test_a_passage_is_not_repeated_whole_in_the_next() -> None:
    assert texts_of(split_passages("。、カタカナカタカナ", 6, 1)) == ["。", "、", "カタカナカタ", "タカナ"]


def test_passages_cut_inside_a_sentence_share_words() -> None:
    assert texts_of(split_passages("red tea hot day big sun", 4, 1)) == ["red tea hot day", "day big sun"]


def test_passages_of_a_script_without_spaces_share_characters() -> None:
    assert texts_of(split_passages("東京都庁舎前広場", 6, 2)) == ["東京都庁舎前", "舎前広場"]
    assert texts_of(split_passages("กรุงเทพมหานคร", 9, 3)) == ["กรุงเทพมห", "พมหานคร"]


def test_parts_of_a_giant_word_share_nothing() -> None:
    assert texts_of(split_passages("x" * 20, 4, 2)) == ["x" * 12, "x" * 8]


def test_starts_count_code_points() -> None:
    assert split_passages("  😀😀 İ. Ankara", 4, 0) == [Passage("😀😀 İ.", 2), Passage("Ankara", 8)]


def test_a_lone_surrogate_is_a_character_like_others() -> None:
    assert texts_of(split_passages("a \ud800 b", 1, 0)) == ["a", "\ud800", "b"]
