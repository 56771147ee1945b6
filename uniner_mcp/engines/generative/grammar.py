"""The grammar of an answer: a JSON list of stretches of the passage, and nothing else (pure).

In GBNF, which llama.cpp and vLLM (xgrammar) both read. There is no free white space: small models never come to the
end of it.
"""

from __future__ import annotations

import json

from uniner_mcp.atoms import ATOMS

_LIST = 'root ::= " "? "[" (mention (", " mention)*)? "]"'


def answer_grammar(passage: str) -> str:
    """What may be said of a passage: any runs of its atoms, each as a JSON string, with one space for white space.

    An atom is a word, or a cluster where a script has no words. There is one rule an atom, which goes on to the next:
    the size is linear in the passage.
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
    """A GBNF literal that stands for the JSON spelling of `text`."""
    spelt = json.dumps(text, ensure_ascii=False)[1:-1]
    return '"' + spelt.replace("\\", "\\\\").replace('"', '\\"') + '"'
