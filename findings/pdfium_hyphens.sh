#!/usr/bin/env bash
# PDFium's text of a page has a character that is not a hyphen where a word is divided at the end of a line.
#
# One would guess: `get_text_range()` returns the printed characters, so that a word divided at a line end is "Micro-", a
#   line end, "soft"; or the joined word, "Microsoft".
# What happens: hyphen and line end are replaced by one U+FFFE, which is no character at all ("Micro\ufffesoft"), and by
#   U+0002 in `get_text_bounded()`. Words that are written with a hyphen (Rolls-Royce, COVID-19) get it too, so deleting
#   it is as wrong as replacing it by a hyphen. Between digits, hyphen and line end stay.
# Why it matters: names are divided like all words; a search for "Microsoft" or "Rolls-Royce", or a model that looks for
#   companies, does not find them, and U+FFFE looks like nothing in most terminals.
# Versions: pypdfium2 5.15.2 (PDFium as packaged with it), reportlab 5.1.0, Linux x86_64, CPython 3.11.
# Source: core/fpdftext/cpdf_textpage.cpp (IsHyphen, TextGenerated) in PDFium.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet pypdfium2==5.15.2 reportlab==5.1.0 2>/dev/null
cat >"$folder/run.py" <<'PYTHON'
import sys

import pypdfium2
from reportlab.pdfgen.canvas import Canvas

canvas = Canvas(sys.argv[1])
for number, line in enumerate(["a Rolls-", "Royce, COVID-", "19, Micro-", "soft in 1990-", "1995"]):
    canvas.drawString(72, 800 - 14 * number, line)
canvas.save()
page = pypdfium2.PdfDocument(sys.argv[1])[0].get_textpage()
print("pypdfium2", pypdfium2.PYPDFIUM_INFO)
whole, bounded = page.get_text_range(), page.get_text_bounded()
print(ascii(whole))
print(ascii(bounded))
assert whole == "a Rolls\ufffeRoyce, COVID\ufffe19, Micro\ufffesoft in 1990-\r\n1995"
assert bounded == whole.replace("\ufffe", "\x02")
PYTHON
"$folder/venv/bin/python" "$folder/run.py" "$folder/a.pdf"
