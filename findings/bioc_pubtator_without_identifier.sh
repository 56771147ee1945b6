#!/usr/bin/env bash
# bioc reads a PubTator mention without an identifier as a relation.
#
# One would guess: a line with PMID, start, end, mention and type is a mention, whether or not the sixth column, its
#   identifier in a vocabulary, is filled; a reader keeps the mention, or says that it cannot.
# What happens: the reader strips the line, so that an empty last column disappears, and then takes any line of five
#   columns for a relation: the mention "flu" at 25 to 28 becomes a relation of the type "25" between "28" and "flu".
#   Nothing is reported. `pubtator2bioc` writes it as such.
# Why it matters: recognisers that do not link to a vocabulary leave the identifier empty, so exactly their mentions vanish,
#   and a recall that is measured on the result is wrong.
# Versions: bioc 2.1, CPython 3.11.
# Source: bioc/pubtator/decoder.py of github.com/bionlplab/bioc.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet bioc==2.1 2>/dev/null
cat >"$folder/run.py" <<'PYTHON'
from importlib.metadata import version

from bioc import pubtator

HEAD = "1|t|A title.\n1|a|Maria Smith has flu.\n1\t9\t20\tMaria Smith\tPerson\tP1\n"


def read(last: str) -> tuple[list[str], list[tuple[str, str, str]]]:
    (document,) = pubtator.loads(HEAD + last)
    relations = [(one.type, one.id1, one.id2) for one in document.relations]
    return [one.text for one in document.annotations], relations


print("bioc", version("bioc"))
with_identifier = read("1\t25\t28\tflu\tDisease\tD007251\n")
without = read("1\t25\t28\tflu\tDisease\t\n")
print("with an identifier:    mentions and relations", *with_identifier)
print("with an empty column:  mentions and relations", *without)
assert with_identifier == (["Maria Smith", "flu"], [])
assert without == (["Maria Smith"], [("25", "28", "flu")])
PYTHON
"$folder/venv/bin/python" "$folder/run.py"
