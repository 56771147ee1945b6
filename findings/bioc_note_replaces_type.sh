#!/usr/bin/env bash
# bioc's brat converter replaces the type of a mention by the word AnnotatorNotes.
#
# One would guess: an annotator's note on a mention (`#1<tab>AnnotatorNotes T1<tab>sure`) is kept beside the mention, or is
#   dropped; the type of the mention stays what it is.
# What happens: `brat2bioc` writes the type of the note into the infon `type` of the mention (and of the relation) that has
#   the note. T1 is then of the type "AnnotatorNotes" instead of "person". Attributes lose their names in the same way
#   ("Mood T1 sad" becomes "sad"), and one without a value is lost.
# Why it matters: notes are what annotators write where they are unsure, so it is the hard mentions that lose their type;
#   nothing is reported, and a score per type or a training set made from the result is wrong.
# Versions: bioc 2.1, CPython 3.11.
# Source: bioc/tools/brat2bioc.py of github.com/bionlplab/bioc; brat.nlplab.org/standoff.html for the valid input.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet bioc==2.1 2>/dev/null
cat >"$folder/run.py" <<'PYTHON'
import io
from importlib.metadata import version

from bioc import brat
from bioc.tools.brat2bioc import brat2bioc_doc

TEXT = "Maria Smith knows Tom."
MENTIONS = "T1\tperson 0 11\tMaria Smith\nT2\tperson 18 21\tTom\nR1\tknows Arg1:T1 Arg2:T2\n"
NOTES = "#1\tAnnotatorNotes T1\tsure\n#2\tAnnotatorNotes R1\tsee guideline 3\n"


def types(annotation: str) -> list[str]:
    document = brat2bioc_doc(brat.load(io.StringIO(TEXT), io.StringIO(annotation)))
    return [one.infons["type"] for one in [*document.annotations, *document.relations]]


print("bioc", version("bioc"))
plain, noted = types(MENTIONS), types(MENTIONS + NOTES)
print("types of T1, T2, R1 without notes:", plain)
print("types of T1, T2, R1 with notes on T1 and R1:", noted)
assert plain == ["person", "person", "knows"]
assert noted == ["AnnotatorNotes", "person", "AnnotatorNotes"]
PYTHON
"$folder/venv/bin/python" "$folder/run.py"
