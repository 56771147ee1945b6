#!/usr/bin/env bash
# bioc reads a PubTator mention without an identifier as a relation, and loses the space at the end of a title.
#
# One would guess: the reader of a format for annotated text returns every mention, whether or not it is linked to a
#   database, with offsets that point at it.
# What happens: lines are told apart by their number of columns. A mention that is not normalised (five columns: no
#   identifier, as recognition without linking writes it) becomes a relation, whose first concept is its end offset; there
#   is no error and no warning. Lines are stripped before they are read, so a title that ends with a space, which the
#   offsets count, loses it, and every mention in the abstract is one character off.
# Why it matters: a gold standard read this way has silently fewer mentions, or mentions that are cut wrongly.
# Versions: bioc 2.1, CPython 3.11.
# Source: bioc/pubtator/decoder.py of bioc 2.1 (github.com/bionlplab/bioc).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet bioc==2.1 2>/dev/null
cat >"$folder/run.py" <<'PYTHON'
from importlib.metadata import version

from bioc import pubtator

print("bioc", version("bioc"))


def read(text: str) -> pubtator.PubTator:
    (document,) = pubtator.loads(text)
    return document


linked = read("12|t|Aspirin helps.\n12|a|\n12\t0\t7\tAspirin\tChemical\tD001241\n")
plain = read("12|t|Aspirin helps.\n12|a|\n12\t0\t7\tAspirin\tChemical\n")
spaced = read("12|t|Title \n12|a|Aspirin helps.\n12\t7\t14\tAspirin\tChemical\tD001241\n")
for name, one in {"with identifier": linked, "without": plain, "space at the end": spaced}.items():
    found = [(mention.text, one.text[mention.start : mention.end]) for mention in one.annotations]
    relations = [vars(relation) for relation in one.relations]
    print(f"{name}: mentions {found}, relations {relations}")
assert [mention.text for mention in linked.annotations] == ["Aspirin"] and not linked.relations
assert not plain.annotations and len(plain.relations) == 1
(mention,) = spaced.annotations
assert spaced.text[mention.start : mention.end] == "spirin "
PYTHON
"$folder/venv/bin/python" "$folder/run.py"
