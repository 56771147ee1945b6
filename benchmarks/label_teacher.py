"""A free teacher for `distill annotate`: it serves the labels of an annotated set through OpenAI's API.

python -m benchmarks.label_teacher data/synthetic_open --port 8399 --policy teacher.toml
"""

from __future__ import annotations

import argparse
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

from uniner_mcp.formats.reading.datasets import DataSet

POLICY = """extends = "teacher-only"
description = "the labels of {name}, served on this machine"

[teacher]
model = "labels-of-{name}"
base_url = "http://127.0.0.1:{port}/v1"
key_variable = ""

[budget.request]
questions = 100000
usd = 1

[budget.day]
questions = 1000000
usd = 1

[prices."labels-of-{name}"]
input = 0
output = 0
"""


class LabelTeacher(ThreadingHTTPServer):
    """Answers the paper's type prompt with the pairs of the set, and unknown passages with an empty list."""

    def __init__(self, folder: Path, port: int) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        examples = DataSet(folder.name, folder).split("train")
        self.pairs = {example.text.strip(): [(one.text, one.type) for one in example.entities] for example in examples}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        text = body["messages"][-1]["content"].partition("Passage: ")[2]
        said = str(cast("LabelTeacher", self.server).pairs.get(text.strip(), []))
        # Estimate tokens as four characters each.
        usage = {"prompt_tokens": len(str(body)) // 4, "completion_tokens": len(said) // 4}
        usage["total_tokens"] = sum(usage.values())
        choice = {"index": 0, "message": {"role": "assistant", "content": said}, "finish_reason": "stop"}
        reply = {"id": "0", "object": "chat.completion", "model": body["model"], "choices": [choice], "usage": usage}
        raw = json.dumps(reply).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, format: str, *args: Any) -> None:
        pass


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("set", type=Path, help="folder of the annotated set")
    parser.add_argument("--port", type=int, default=8399, help="port to listen on")
    parser.add_argument("--policy", type=Path, help="file to write a fallback policy with this teacher to")
    given = parser.parse_args()
    if given.policy is not None:
        given.policy.write_text(POLICY.format(name=given.set.name, port=given.port), encoding="utf-8")
    with LabelTeacher(given.set, given.port) as server:
        print(f"The labels of {given.set.name} are served at http://127.0.0.1:{given.port}/v1", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
