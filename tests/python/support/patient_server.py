"""A server that can be killed, started again and stopped, in front of an HTTP endpoint.

    python -m tests.python.support.patient_server UPSTREAM PORT

Prints its port. When it goes on after SIGSTOP, each connection has been idle for too long: the
next request on it is answered by a reset, as by a server whose own timer was late.
"""

from __future__ import annotations

import http.client
import signal
import socket
import struct
import subprocess
import sys
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]


class Handler(BaseHTTPRequestHandler):
    """Hands each request on, unless its connection was idle when the server was stopped."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    upstream = ""
    expired = 0.0
    waiting_since = 0.0

    def handle_one_request(self) -> None:
        self.waiting_since = time.monotonic()
        super().handle_one_request()

    def parse_request(self) -> bool:
        if self.waiting_since < Handler.expired:
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.close_connection = True
            return False
        return super().parse_request()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        connection = http.client.HTTPConnection(self.upstream)
        connection.request("POST", "/", body, dict(self.headers))
        response = connection.getresponse()
        reply = response.read()
        connection.close()
        self.send_response(response.status)
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    def log_message(self, *_: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    """With room for everybody who comes at once."""

    request_queue_size = 256
    daemon_threads = True


class PatientServer:
    """The process."""

    def __init__(self, upstream: str) -> None:
        self.upstream = upstream
        self.port = 0
        self.process: subprocess.Popen[str] | None = None
        self.start()

    def start(self) -> None:
        """Start it, at the same port as before; return when it listens."""
        command = [sys.executable, "-m", __name__, self.upstream, str(self.port)]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())

    def kill(self) -> None:
        """End it without a word."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def signal(self, number: int) -> None:
        """Stop it, or let it go on."""
        assert self.process is not None
        self.process.send_signal(number)

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def patient_server(upstream: str) -> Iterator[PatientServer]:
    """Run the server in a process of its own."""
    server = PatientServer(upstream)
    try:
        yield server
    finally:
        server.kill()


def main() -> None:
    """Serve until killed."""
    Handler.upstream = urlsplit(sys.argv[1]).netloc

    def expire(*_: Any) -> None:
        Handler.expired = time.monotonic()

    signal.signal(signal.SIGCONT, expire)
    server = Server(("127.0.0.1", int(sys.argv[2])), Handler)
    print(server.server_port, flush=True)  # noqa: T201 - its parent process waits for it
    server.serve_forever()


if __name__ == "__main__":
    main()
