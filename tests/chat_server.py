"""A real server on the loopback that speaks OpenAI's protocol, as kindly or as strictly as a test
wants.
"""
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class OpenAI(BaseHTTPRequestHandler):
    """Answers /v1/chat/completions with what its server holds next: a reply's text, or a status,
    headers and bytes.

    An answer may be a function of the request's body.
    """

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.seen.append((self.path, dict(self.headers), body))
        answers = self.server.answers
        answer = answers.pop(0) if isinstance(answers, list) else answers
        answer = answer(body) if callable(answer) else answer
        status, headers, content = answer if isinstance(answer, tuple) else (200, {}, reply(answer))
        self.send_response(status)
        own = {"Content-Type": "application/json", "Content-Length": len(content)}
        for name, value in {**own, **headers}.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        """Quiet."""


def reply(content, finish_reason="stop", usage=None, **message):
    """The bytes of a chat completion; `message` holds more of its fields."""
    choice = {
        "index": 0,
        "finish_reason": finish_reason,
        "message": {"role": "assistant", "content": content, **message},
    }
    return json.dumps(
        {
            "id": "1",
            "object": "chat.completion",
            "created": 0,
            "model": "tiny",
            "choices": [choice],
            "usage": usage or {},
        }
    ).encode()


def answer(content, **rest):
    return 200, {}, reply(content, **rest)


def refusal(message, status=400, **fields):
    """OpenAI's shape of an error."""
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": None}
    return status, {}, json.dumps({"error": error | fields}).encode()


@contextmanager
def serving() -> Iterator[ThreadingHTTPServer]:
    """A server with `url`, `answers` to give (a list to go through, or one for ever) and requests
    `seen`.
    """
    server = ThreadingHTTPServer(("127.0.0.1", 0), OpenAI)
    server.seen, server.answers = [], []
    server.url = f"http://127.0.0.1:{server.server_port}/v1"
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
