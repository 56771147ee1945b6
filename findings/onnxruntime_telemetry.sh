#!/usr/bin/env bash
# onnxruntime's Linux wheel collects telemetry by default, without a word.
#
# One would guess: a CPU inference library that is imported in Python does no network access and writes no files; its API
#   has `disable_telemetry_events()` for whoever wants to be sure.
# What happens: since 1.29 the official Linux and macOS wheels write a device id and an event database below the user's
#   cache folder as soon as the first session runs (and upload it later). `disable_telemetry_events()`, called right after
#   the import, comes too late: the files are written all the same. Only the environment variable ORT_DISABLE_TELEMETRY=1,
#   set before the import, prevents it. A variable `CI` suppresses it as well, so a test in CI does not see it.
# Why it matters: software that promises to work offline and to keep data private breaks that promise with a dependency
#   update, and its CI stays green.
# Versions: onnxruntime 1.32.0, onnx 1.22.0, Linux x86_64, CPython 3.11.
# Source: microsoft/onnxruntime pull request 27379 ("Add POSIX telemetry") and its docs/Privacy.md.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet onnxruntime==1.32.0 onnx==1.22.0 2>/dev/null
cat >"$folder/run.py" <<'PYTHON'
import sys
import time

import numpy
import onnxruntime
from onnx import TensorProto, helper

if "api" in sys.argv:
    onnxruntime.disable_telemetry_events()
value = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "xy"]
graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "g", value[:1], value[1:])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
session.run(None, {"x": numpy.ones(1, numpy.float32)})
time.sleep(2)
PYTHON

# files NAME [VARIABLE=VALUE] [ARGUMENT]: what one run leaves in an empty home folder.
files() {
    mkdir "$folder/$1"
    env -i PATH="$PATH" HOME="$folder/$1" ${2:+"$2"} "$folder/venv/bin/python" "$folder/run.py" ${3:+"$3"} 2>/dev/null
    (cd "$folder/$1" && find . -type f | sort)
}

"$folder/venv/bin/python" -c 'import onnxruntime; print("onnxruntime", onnxruntime.__version__)'
default=$(files default)
api=$(files api "" api)
off=$(files off ORT_DISABLE_TELEMETRY=1)
ci=$(files ci CI=true)
echo "by default:"; echo "${default:-(no files)}"
echo "with disable_telemetry_events():"; echo "${api:-(no files)}"
echo "with ORT_DISABLE_TELEMETRY=1:"; echo "${off:-(no files)}"
echo "with CI=true:"; echo "${ci:-(no files)}"
[[ -n $default && -n $api && -z $off && -z $ci ]]
