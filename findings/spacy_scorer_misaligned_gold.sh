#!/usr/bin/env bash
# spaCy's scorer gives 100 % to a model that misses a gold mention, if the mention ends inside a token.
#
# One would guess: a gold mention whose offsets are not those of whole tokens cannot be found, and counts as missed; a
#   prediction beside it counts as wrong.
# What happens: `Example.from_dict` drops the mention and marks its token as unknown, with a warning (W030) that speaks of
#   training. The scorer skips unknown tokens, in gold and in predictions: a model that finds the other mention only has
#   precision and recall 1.0, and so has one that predicts something wrong there.
# Why it matters: mentions in compounds, before particles, and in scripts without spaces are often no whole tokens. The more of them a set has, the better the score, and two tokenizers are scored on different gold.
# Versions: spacy 3.8.18, CPython 3.11.
# Source: spacy/scorer.py, `get_ner_prf`; spacy/training/iob_utils.py, warning W030.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet spacy==3.8.18 2>/dev/null
cat >"$folder/run.py" <<'PYTHON'
import warnings

import spacy
from spacy.scorer import Scorer
from spacy.training import Example

TEXT = "Maria hat gestern Siemensaktien in Berlin verkauft."
GOLD = [(0, 5, "person"), (18, 25, "company"), (35, 41, "city")]
FOUND = [(0, 5, "person"), (35, 41, "city")]


def scores(predicted: list[tuple[int, int, str]]) -> tuple[float, float]:
    nlp = spacy.blank("de")
    doc = nlp(TEXT)
    doc.ents = [doc.char_span(start, end, label=label) for start, end, label in predicted]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        example = Example.from_dict(doc, {"entities": GOLD})
    assert any("W030" in str(one.message) for one in caught)
    result = Scorer().score([example])
    return result["ents_p"], result["ents_r"]


print("spacy", spacy.__version__)
missed = scores(FOUND)
wrong = scores([*FOUND, (18, 31, "person")])
print("gold has 3 mentions, one of them Siemens in the token Siemensaktien")
print("the other two found:                       precision, recall", *missed)
print("Siemensaktien predicted as person as well: precision, recall", *wrong)
assert missed == (1.0, 1.0)
assert wrong == (1.0, 1.0)
PYTHON
"$folder/venv/bin/python" "$folder/run.py"
