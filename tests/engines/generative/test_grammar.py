from __future__ import annotations

import json

import pytest

from uniner_mcp.engines.generative.grammar import answer_grammar


def test_a_mention_is_a_run_of_atoms() -> None:
    assert answer_grammar("Ada, met\n Bob").splitlines() == [
        'root ::= " "? "[" (mention (", " mention)*)? "]"',
        r'mention ::= "\"" (a0 | a1 | a2 | a3) "\""',
        'a0 ::= "Ada" (a1)?',
        'a1 ::= "," (" " a2)?',
        'a2 ::= "met" (" " a3)?',
        'a3 ::= "Bob"',
    ]


@pytest.mark.parametrize("hostile", ['"', "\\", '\\"]', "\x00", "\t", "\u2028", "é"])
def test_what_json_and_grammar_escape_is_escaped_twice(hostile: str) -> None:
    rules = answer_grammar(f"a {hostile}").splitlines()[2:]
    spelt = "".join(json.loads(rule.split("::= ")[1].split(" (")[0]) for rule in rules)
    assert json.loads(f'"{spelt}"') == "a" + (hostile if not hostile.isspace() else "")


def test_scripts_without_words_go_by_character() -> None:
    assert answer_grammar("東京").splitlines()[2:] == ['a0 ::= "東" (a1)?', 'a1 ::= "京"']


def test_the_size_is_linear() -> None:
    assert len(answer_grammar("word " * 1000)) < 3 * len(answer_grammar("word " * 400))
