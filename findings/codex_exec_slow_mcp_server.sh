#!/usr/bin/env bash
# `codex exec` asks the model without the tools of an MCP server that starts slowly, and says nothing.
#
# One would guess: `codex exec` runs one prompt and exits, so it starts the configured MCP servers, waits for their tools
#   at most `startup_timeout_sec`, and reports a server that was too slow.
# What happens: it asks the model after one second. A server that answers `initialize` after three seconds is not offered
#   to the model, although its time-out has not passed (setting `startup_timeout_sec = 60` changes nothing); nothing is
#   printed about it, and the exit status is 0. `required = true` in the server's table makes it wait, and so does the
#   setting `mcp_optional_startup_grace_ms`.
# Why it matters: in scripts and CI, on a cold or busy machine, an agent works without its tools and still succeeds. Servers
#   written in Python or started through npx or uvx need seconds for their first start.
# Versions: @openai/codex 0.171.0, Linux x86_64, Node.js 20.
# Source: openai/codex pull request 31641 ("Keep optional MCP startup from blocking turns") and issue 38689.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
npm install --prefix "$folder" --no-audit --no-fund --loglevel=error @openai/codex@0.171.0 >/dev/null
cat >"$folder/server.py" <<'PYTHON'
import json
import sys
import time

for line in sys.stdin:
    message = json.loads(line)
    result = {}
    if message.get("method") == "initialize":
        time.sleep(float(sys.argv[1]))
        result = {"protocolVersion": message["params"]["protocolVersion"], "capabilities": {"tools": {}}}
        result["serverInfo"] = {"name": "example", "version": "1"}
    elif message.get("method") == "tools/list":
        result = {"tools": [{"name": "look_up", "description": "Looks up.", "inputSchema": {"type": "object"}}]}
    if "id" in message:
        print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}), flush=True)
PYTHON
cat >"$folder/run.py" <<'PYTHON'
"""Run `codex exec` with a model that only notes whether the tool is offered: run.py FOLDER DELAY [LINE OF THE TABLE]."""

import http.server
import json
import os
import subprocess
import sys
import tempfile
import threading

offered = []


class Model(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["content-length"])))
        offered.append("look_up" in json.dumps(request["tools"]))
        content = [{"type": "output_text", "text": "Done.", "annotations": []}]
        item = {"type": "message", "id": "m", "role": "assistant", "status": "completed", "content": content}
        usage = {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}
        whole = {"id": "r", "object": "response", "created_at": 1, "model": "m", "status": "completed"}
        whole |= {"output": [item], "usage": usage}
        events = [
            {"type": "response.created", "response": {**whole, "output": []}},
            {"type": "response.output_item.done", "output_index": 0, "item": item},
            {"type": "response.completed", "response": whole},
        ]
        body = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events).encode()
        self._send(200, body)

    def do_GET(self):
        self._send(404, b"")

    def _send(self, status, body):
        self.send_response(status)
        self.send_header("content-type", "text/event-stream")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


folder, delay, *more = sys.argv[1:]
model = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Model)
threading.Thread(target=model.serve_forever, daemon=True).start()
home = tempfile.mkdtemp(dir=folder)
with open(f"{home}/config.toml", "w") as config:
    config.write(f"""
model = "gpt-5"
model_provider = "local"
check_for_update_on_startup = false
analytics.enabled = false
[model_providers.local]
name = "local"
base_url = "http://127.0.0.1:{model.server_port}/v1"
wire_api = "responses"
[mcp_servers.example]
command = "{sys.executable}"
args = ["{folder}/server.py", "{delay}"]
{"".join(more)}
""")
environment = {"PATH": os.environ["PATH"], "HOME": home, "CODEX_HOME": home}
command = [f"{folder}/node_modules/.bin/codex", "exec", "--skip-git-repo-check", "Look it up."]
run = subprocess.run(command, env=environment, cwd=home, stdin=subprocess.DEVNULL, capture_output=True, text=True)
mentioned = any("example" in line or "mcp" in line.lower() for line in run.stderr.splitlines())
print(f"tool offered: {offered[0]}, server mentioned: {mentioned}, exit status {run.returncode}")
PYTHON

"$folder/node_modules/.bin/codex" --version 2>/dev/null
run() { python3 "$folder/run.py" "$folder" "$@"; }
fast=$(run 0)
slow=$(run 3)
patient=$(run 3 'startup_timeout_sec = 60')
required=$(run 3 'required = true')
echo "server that starts at once:                  $fast"
echo "server that takes 3 s:                       $slow"
echo "the same, with startup_timeout_sec = 60:     $patient"
echo "the same, with required = true:              $required"
without="tool offered: False, server mentioned: False, exit status 0"
[[ $fast == "tool offered: True"* && $slow == "$without" && $patient == "$without" && $required == "tool offered: True"* ]]
