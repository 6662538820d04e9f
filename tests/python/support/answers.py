"""A server that answers as it is told: STS, SSO, instance metadata, a container's, DynamoDB."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Answer = tuple[int, bytes]


class Answers:
    """What to say, and who has asked."""

    def __init__(self) -> None:
        self.answer: Callable[[str, str], Answer] = lambda *_: (404, b"")
        self.asked: list[str] = []
        answers = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length).decode()
                answers.asked.append(f"{self.command} {self.path}")
                status, reply = answers.answer(f"{self.command} {self.path}", body)
                self.send_response(status)
                self.send_header("Content-Length", str(len(reply)))
                # Every token that instance metadata gives comes with how long it lives.
                self.send_header("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "60")
                self.end_headers()
                self.wfile.write(reply)

            do_POST = do_GET  # noqa: N815 - as http.server spells it
            do_PUT = do_GET  # noqa: N815

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def always(self, status: int, reply: bytes) -> None:
        """Answer everybody the same."""
        self.answer = lambda *_: (status, reply)


def sts_error(code: str, message: str = "") -> bytes:
    """Say no as STS does."""
    return (
        '<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error>'
        f"<Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
        "<RequestId>1</RequestId></ErrorResponse>"
    ).encode()


def dynamodb_error(code: str, message: str = "") -> bytes:
    """Say no as DynamoDB does."""
    return json.dumps({"__type": f"com.amazon.coral.service#{code}", "message": message}).encode()


@contextmanager
def answers() -> Iterator[Answers]:
    """Run the server."""
    made = Answers()
    thread = threading.Thread(target=made.server.serve_forever, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made.server.shutdown()
        made.server.server_close()
        thread.join()
