#!/usr/bin/env bash
# huggingface_hub 2.4.0: InferenceClient.chat_completion cannot ask newer OpenAI models by its own arguments.
#
# Guess:    a client of OpenAI's protocol has `max_completion_tokens`, or `max_tokens` is sent under the name that the
#           server wants; and an answer whose `content` is a list of parts is an error or becomes a text.
# Seen:     there is no such argument (TypeError); only `extra_body` carries it, merged last. A list in
#           `message.content`, typed str, comes through as a list, and a missing message field becomes None.
# Why care: servers that refuse `max_tokens` answer 400, and code that strips a text meets a list.
# Versions: huggingface_hub 2.4.0.
# Exit:     0 when it behaves as said, 1 when it does not any more.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check huggingface_hub==2.4.0
"$work/venv/bin/python" - <<'PY'
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

from huggingface_hub import InferenceClient

asked = []


class Server(BaseHTTPRequestHandler):
    def do_POST(self):
        asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        parts = [{"type": "text", "text": "two red balls"}]
        answer = json.dumps({"choices": [{"index": 0, "finish_reason": "stop",
                                          "message": {"role": "assistant", "content": parts}}]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), Server)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = InferenceClient(base_url=f"http://127.0.0.1:{server.server_port}/v1", api_key="none")
talk = [{"role": "user", "content": "a prompt"}]
try:
    client.chat_completion(talk, model="m", max_completion_tokens=9)
    has_argument = True
except TypeError as error:
    has_argument = False
    print("as an argument:", error)
answer = client.chat_completion(talk, model="m", extra_body={"max_completion_tokens": 9})
content = answer.choices[0].message.content
print("by extra_body:", {name: value for name, value in asked[-1].items() if name != "messages"})
print("content:", type(content).__name__, content)
right = not has_argument and asked[-1]["max_completion_tokens"] == 9 and isinstance(content, list)
sys.exit(0 if right else 1)
PY
