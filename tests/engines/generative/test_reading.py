from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from steps import Text, lines

from uniner_mcp.engines.base import EngineInfo, Mention, Passage
from uniner_mcp.engines.generative.conversation import Conversation, read_messages
from uniner_mcp.engines.generative.engine import Completion, Early, GenerativeEngine, Sampling, ignore
from uniner_mcp.engines.generative.reading import Reading, Token, Unreadable, read_answer
from uniner_mcp.errors import EngineError, UnreadableAnswer
from uniner_mcp.schema import EntityType


def read(written: str) -> list[str]:
    return [mention.text for mention in read_answer(written).mentions]


@pytest.mark.parametrize(
    ("written", "mentions"),
    [
        pytest.param(' ["Maria Keller", "Tom Reed"]', ["Maria Keller", "Tom Reed"], id="leading space"),
        pytest.param(" []", [], id="empty list"),
        pytest.param('["a"]</s>', ["a"], id="end token left in"),
        pytest.param('["a"] I hope this helps ["b"].', ["a"], id="trailing text"),
        pytest.param('Sure! The list is: ["a", "b"]', ["a", "b"], id="leading text"),
        pytest.param('```json\n["a"]\n```', ["a"], id="code fence"),
        pytest.param('ASSISTANT: ["a"]', ["a"], id="head of the turn repeated"),
        pytest.param('["ASSISTANT: x", "b"]', ["ASSISTANT: x", "b"], id="head of a turn inside a list"),
        pytest.param("['a', 'b']", ["a", "b"], id="single quotes"),
        pytest.param("['O'Brien', 'd'Artagnan', 'b']", ["O'Brien", "d'Artagnan", "b"], id="apostrophes"),
        pytest.param('[\'a "b" c\', "d"]', ['a "b" c', "d"], id="mixed quotes"),
        pytest.param("[“a”, “b”]", ["a", "b"], id="curly quotes"),
        pytest.param("[Maria Keller, Tom Reed]", ["Maria Keller", "Tom Reed"], id="no quotes"),
        pytest.param('["a", "a", "b", "a"]', ["a", "b"], id="duplicates"),
        pytest.param('["a", null, None, "b"]', ["a", "b"], id="null among the items"),
        pytest.param('["a", 1984]', ["a", "1984"], id="number"),
        pytest.param('["a",\n "b",]', ["a", "b"], id="comma at the end"),
        pytest.param('[" a ", ""]', ["a"], id="spaces and empty strings"),
        pytest.param('[["a"], ["b"]]', ["a", "b"], id="nested lists"),
        pytest.param('{"mentions": ["a", "b"]}', ["a", "b"], id="object around the list"),
        pytest.param('[{"mention": "a"}, {"mention": "b"}]', ["a", "b"], id="objects in the list"),
        pytest.param('["caf\\u00e9", "a \\"b\\"", "c\\\\d"]', ["café", 'a "b"', "c\\d"], id="escapes"),
        pytest.param("['it\\'s', 'b']", ["it's", "b"], id="escapes in single quotes"),
        pytest.param('["a]b", "[c]"]', ["a]b", "[c]"], id="brackets in strings"),
        pytest.param('["a\nb"]', ["a\nb"], id="line break in a string"),
        pytest.param("None", [], id="None"),
        pytest.param("N/A", [], id="n/a"),
        pytest.param(" none.\n", [], id="none with a full stop"),
        pytest.param("No mentions.", [], id="no mentions"),
    ],
)
def test_what_real_models_write_is_read(written: str, mentions: list[str]) -> None:
    assert read(written) == mentions


@pytest.mark.parametrize(
    ("written", "mentions"),
    [
        pytest.param('["a", "b', ["a"], id="inside a string"),
        pytest.param('["a", "b"', ["a", "b"], id="after a string"),
        pytest.param('["a",', ["a"], id="after a comma"),
        pytest.param("[", [], id="at once"),
        pytest.param("['a', 'b", ["a"], id="single quotes"),
    ],
)
def test_a_list_that_was_cut_off_gives_what_is_whole_and_says_so(written: str, mentions: list[str]) -> None:
    reading = read_answer(written)
    assert [mention.text for mention in reading.mentions] == mentions
    assert reading.cut


@pytest.mark.parametrize("written", ["", "   ", "The person is Ada.", "Noneself", '"a", "b"', "]"])
def test_what_is_no_list_is_unreadable_and_not_guessed_at(written: str) -> None:
    with pytest.raises(Unreadable) as caught:
        read_answer(written)
    assert "Ada" not in str(caught.value)


@given(st.text() | st.lists(st.sampled_from("[]{}\"'“”,\\: \nabN\u00e9"), max_size=40).map("".join))
def test_nothing_a_model_writes_crashes(written: str) -> None:
    try:
        assert isinstance(read_answer(written), Reading)
    except Unreadable as error:
        assert str(error) == "the model's answer is not a list"


TOKENS = [Token(b' ["', -0.1), Token(b"A", -0.2), Token(b'da"', -0.3), Token(b', "', -5), Token(b"B", -1)]


def test_confidence_is_the_probability_of_the_mention_up_to_its_closing_quote() -> None:
    tokens = [*TOKENS, Token(b'"]', -2)]
    ada, b = read_answer(' ["Ada", "B"]', tokens).mentions
    assert ada.confidence == pytest.approx(math.exp(-0.2 - 0.3), abs=1e-4)
    assert b.confidence == pytest.approx(math.exp(-1 - 2), abs=1e-4)


def test_a_duplicate_has_the_best_confidence() -> None:
    tokens = [Token(b'["', 0), Token(b'a"', -2), Token(b', "', 0), Token(b'a"', -1), Token(b"]", 0)]
    (mention,) = read_answer('["a", "a"]', tokens).mentions
    assert mention.confidence == pytest.approx(math.exp(-1), abs=1e-4)


def test_half_characters_are_counted_in_bytes() -> None:
    tokens = [Token(b'["', 0), Token(b"\xc3", -1), Token(b"\xa9", -1), Token(b'"]', -0.5), Token(b"</s>", -9)]
    (mention,) = read_answer('["é"]', tokens).mentions
    assert mention.confidence == pytest.approx(math.exp(-2.5), abs=1e-4)


def test_tokens_that_lost_their_first_space_are_placed_all_the_same() -> None:
    tokens = [Token(b'["', -0.1), Token(b"Ada", -0.2), Token(b'B"', -0.3), Token(b"]", -1), Token(b"</s>", -7)]
    (mention,) = read_answer(' ["Ada B"]', tokens).mentions
    assert mention.confidence == pytest.approx(math.exp(-0.5), abs=1e-4)


def test_probabilities_of_a_part_of_the_answer_give_no_confidence() -> None:
    (mention,) = read_answer('["Ada"]', [Token(b'["Ada"', -0.1)]).mentions
    assert mention.confidence is None


def test_probabilities_that_do_not_spell_the_answer_give_no_confidence() -> None:
    (mention,) = read_answer('["Ada"]', TOKENS).mentions
    assert mention.confidence is None


def test_without_probabilities_there_is_no_confidence() -> None:
    assert [mention.confidence for mention in read_answer("['a']").mentions] == [None]


@pytest.mark.parametrize(
    "written",
    [
        pytest.param("[" * 2_000, id="open brackets"),
        pytest.param("[" * 100_000 + "]" * 100_000, id="deeply nested lists"),
        pytest.param('[{"a":' * 2_000 + "1" + "}]" * 2_000, id="deeply nested objects"),
        pytest.param('["a", ' + "[" * 2_000, id="open brackets inside a list"),
    ],
)
def test_nesting_that_no_answer_has_is_unreadable_however_deep(written: str) -> None:
    with pytest.raises(Unreadable):
        read_answer(written)


class Stammering:
    """A model that writes opening brackets without end for one question, and answers the others."""

    async def complete_all(
        self, conversation: Conversation, text: str, wordings: Sequence[str], sampling: Sampling, early: Early = ignore
    ) -> list[Completion | EngineError]:
        return [Completion("[" * 2_000 if wording == "verse" else '["Ada"]') for wording in wordings]

    async def aclose(self) -> None: ...


@pytest.mark.anyio
async def test_an_answer_nested_without_end_costs_only_its_own_question() -> None:
    info = EngineInfo("generative", "stammering", "0", 100, False)
    conversation = Conversation(None, read_messages("user: {text} {type}"))
    engine = GenerativeEngine(info, conversation, Sampling(100, ()), Stammering(), constrained=False)
    types = [EntityType(name="person"), EntityType(name="verse")]
    person, verse = await engine.answer(Passage("Ada"), types)
    assert person.mentions == (Mention("Ada"),) and person.failure is None
    assert isinstance(verse.failure, UnreadableAnswer)


def test_a_half_of_a_character_breaks_nothing() -> None:
    (mention,) = read_answer('["\ud800"]', [Token(b'["', 0), Token(b"\xed\xa0\x80", -1), Token(b'"]', 0)]).mentions
    assert mention == Mention("\ud800", confidence=round(math.exp(-1), 4))


def test_a_token_counts_for_every_mention_it_has_a_part_in() -> None:
    tokens = [Token(b'["', -9), Token(b"a", -1), Token(b'", "b', -2), Token(b'"', -4), Token(b"", -8), Token(b"]", -9)]
    a, b = read_answer('["a", "b"]', tokens).mentions
    assert (a.confidence, b.confidence) == (round(math.exp(-3), 4), round(math.exp(-6), 4))


@pytest.mark.parametrize("item", ["é{}", "é {} ü", "{}"])
@pytest.mark.parametrize("form", ['"{}"', "'{}'", "“{}”", "{}", '{{"mention": "{}"}}'])
def test_the_cost_of_an_answer_grows_with_its_length_only(form: str, item: str) -> None:
    def cost(number: int) -> int:
        spelt = [form.format(item.format(f"x{each}")) for each in range(number)]
        written = Text(f"[{', '.join(spelt)}]")
        pieces = [f"{'[' if each == 0 else ' '}{one}," for each, one in enumerate(spelt)]
        tokens = [Token(piece.encode(), -0.1) for piece in [*pieces[:-1], pieces[-1][:-1], "]"]]
        spent = lines(lambda: read_answer(written, tokens))
        assert all(mention.confidence is not None for mention in read_answer(written, tokens).mentions)
        return spent + written.copied

    assert cost(800) < 5 * cost(200)
