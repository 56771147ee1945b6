"""A real llama.cpp server in a process of its own: `python llama_server.py MODEL.gguf PORT [TEMPLATE.jinja]`."""

from __future__ import annotations

import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    xllamacpp: Any = import_module("xllamacpp")
    parameters = xllamacpp.CommonParams()
    parameters.model.path, parameters.port = sys.argv[1], int(sys.argv[2])
    parameters.n_ctx, parameters.n_parallel, parameters.endpoint_metrics, parameters.verbosity = 2048, 1, True, 0
    if len(sys.argv) > 3:
        parameters.chat_template = Path(sys.argv[3]).read_text(encoding="utf-8")
    server = xllamacpp.Server(parameters)
    time.sleep(3600)
