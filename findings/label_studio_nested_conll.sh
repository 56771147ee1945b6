#!/usr/bin/env bash
# Label Studio's CoNLL export cuts an outer mention down to a mention that nobody annotated.
#
# One would guess: CoNLL has one tag per token, so of two nested mentions one is exported whole and the other is left out,
#   in a way that does not depend on the order in which they were annotated.
# What happens: the tokens go to the mention that stands first in the annotation, and what remains of the other one is
#   exported as a mention of its own. With "New York Times" (organization) around "New York" (place), annotated outer
#   first, the export has "New York Times"; annotated inner first, it has the place "New York" and an organization "Times".
#   Nothing is reported. In a script without spaces, a mention takes the whole run: 東京 in 東京都庁で会議 becomes all of it.
# Why it matters: a gold standard gets mentions that no annotator made, and two people who annotated the same differ.
# Versions: label-studio-sdk 2.1.2 (its converter), CPython 3.11.
# Source: label_studio_sdk/converter/utils.py, `create_tokens_and_tags`.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet label-studio-sdk==2.1.2 2>/dev/null
cat >"$folder/run.py" <<'PYTHON'
import json
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from label_studio_sdk.converter import Converter

CONFIG = """<View><Labels name="label" toName="text"><Label value="organization"/><Label value="place"/></Labels>
<Text name="text" value="$text"/></View>"""


def exported(text: str, mentions: list[tuple[int, int, str]]) -> list[str]:
    folder = Path(tempfile.mkdtemp(dir=sys.argv[1]))
    result = [
        {"id": str(start + end), "from_name": "label", "to_name": "text", "type": "labels",
         "value": {"start": start, "end": end, "text": text[start:end], "labels": [label]}}
        for start, end, label in mentions
    ]
    task = {"id": 1, "data": {"text": text}, "annotations": [{"id": 1, "completed_by": 1, "result": result}]}
    (folder / "tasks").mkdir()
    (folder / "tasks" / "tasks.json").write_text(json.dumps([task]))
    Converter(CONFIG, project_dir=str(folder)).convert(str(folder / "tasks"), str(folder / "out"), "CONLL2003")
    lines = (folder / "out" / "result.conll").read_text(encoding="utf-8").splitlines()[1:]
    return [" ".join((line.split()[0], line.split()[-1])) for line in lines if line.strip()]


print("label-studio-sdk", version("label-studio-sdk"))
outer, inner = (0, 14, "organization"), (0, 8, "place")
first = exported("New York Times", [outer, inner])
second = exported("New York Times", [inner, outer])
unspaced = exported("東京都庁で会議", [(0, 2, "place")])
print("outer first:", first)
print("inner first:", second)
print("unspaced:   ", unspaced)
assert first == ["New B-organization", "York I-organization", "Times I-organization"]
assert second == ["New B-place", "York I-place", "Times B-organization"]
assert unspaced == ["東京都庁で会議 B-place"]
PYTHON
"$folder/venv/bin/python" "$folder/run.py" "$folder" 2>/dev/null
