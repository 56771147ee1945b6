"""The grammar of an answer: a JSON list of parts of the passage, and nothing else (pure).

It is written in GBNF, which llama.cpp and vLLM (xgrammar) both support. It allows no arbitrary white space, because
small models would generate it without end.
"""

from __future__ import annotations

import json

from uniner_mcp.atoms import ATOMS

_LIST = 'root ::= " "? "[" (mention (", " mention)*)? "]"'


def answer_grammar(passage: str) -> str:
    """Return the grammar of a passage: any runs of its atoms, each as a JSON string, with one space for white space.

    An atom is a word, or a grapheme cluster in scripts that do not separate words. There is one rule per atom, which
    may continue with the next one: the size is linear in the length of the passage.
    """
    rules: list[str] = []
    spaced = False
    for atom in ATOMS.finditer(passage):
        if atom[0].isspace():
            spaced = True
            continue
        if rules:
            rules[-1] += f' (" " a{len(rules)})?' if spaced else f" (a{len(rules)})?"
        rules.append(f"a{len(rules)} ::= {_literal(atom[0])}")
        spaced = False
    starts = " | ".join(f"a{number}" for number in range(len(rules)))
    return "\n".join([_LIST, rf'mention ::= "\"" ({starts}) "\""', *rules])


def _literal(text: str) -> str:
    """Return a GBNF literal that matches the JSON spelling of `text`."""
    spelt = json.dumps(text, ensure_ascii=False)[1:-1]
    return '"' + spelt.replace("\\", "\\\\").replace('"', '\\"') + '"'
