#!/usr/bin/env bash
# Values of spaCy span extensions belong to characters, not to spans: spans with different labels share them.
#
# One would guess: after `Span.set_extension("confidence", default=None)`, `span._.confidence = 0.9` is a value of that
#   span; another span object, with another label, has its own.
# What happens: the value is stored in `doc.user_data` under the offsets of the span only. Two spans of the same
#   characters, such as PERSON and AUTHOR in one span group, have one value: the one that was set last. `Doc.to_bytes`
#   stores it for both. Spans are unequal if their labels differ (`==`, `hash`), so nothing hints at it.
# Why it matters: whoever stores scores of overlapping or multi-label entities in an extension (span groups exist for
#   such entities) reads wrong scores, without an error.
# Versions: spaCy 3.8.18, CPython 3.11.
# Source: spaCy, spacy/tokens/underscore.py, `Underscore._get_key`: ("._.", name, start, end).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet spacy==3.8.18 2>/dev/null
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import spacy
from spacy.tokens import Span

print("spaCy", spacy.__version__)
Span.set_extension("confidence", default=None)
doc = spacy.blank("en")("Ada Lovelace wrote it.")
person, author = Span(doc, 0, 2, label="PERSON"), Span(doc, 0, 2, label="AUTHOR")
person._.confidence = 0.9
author._.confidence = 0.4
print("equal spans:", person == author, " confidence of PERSON:", person._.confidence, " of AUTHOR:", author._.confidence)
sys.exit((person == author, person._.confidence, author._.confidence) != (False, 0.4, 0.4))
PYTHON
