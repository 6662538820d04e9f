"""A proxy in front of a real engine that loses, breaks and delays replies on demand."""

from __future__ import annotations

import http.client
import json
import threading
import time
import zlib
from collections import deque
from contextlib import contextmanager
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Proxy = TypeVar("Proxy", bound=ThreadingHTTPServer)

# Each is done to one request, in the order given; then requests just pass. A function
# instead is called before its request passes.
PASS = "pass"
LOSE_REPLY = "lose reply"  # applied; the connection closes without a byte
CUT_REPLY = "cut reply"  # applied; the connection closes halfway through the body
ERROR_AFTER = "error after"  # applied; answered 500
THROTTLE = "throttle"  # not applied; answered as DynamoDB throttles
REFUSE = "refuse"  # not applied; the connection closes
NOT_YET = "not yet"  # applied; answered as if the table was still being made
DENY = "deny"  # not applied; answered as IAM denies
CONFLICT = "conflict"  # not applied; answered as a global table where another Region writes
OTHER_REPLY = "other reply"  # applied; answered with nothing, under the reply's checksum
HANG = "hang"  # not applied; no answer until the proxy stops
HOLD = "hold"  # no answer; applied when `deliver` is called

REFUSALS = {
    THROTTLE: "ThrottlingException",
    DENY: "AccessDeniedException",
    CONFLICT: "ReplicatedWriteConflictException",
}


class FaultProxy(ThreadingHTTPServer):
    """Counts the requests it sees, and does to them what `faults` says."""

    daemon_threads = True

    def __init__(self, upstream: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream = urlsplit(upstream).netloc
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.faults: deque[str | Callable[[], object]] = deque()
        self.operations: list[str] = []
        self.replies: list[bytes] = []
        self.released = threading.Event()
        self.hanging = threading.Event()
        self.held: list[Callable[[], object]] = []
        self.clock_ahead = 0.0  # seconds, in the Date header
        self.refuses_old_signatures = False  # as AWS does, from 5 minutes on
        self.headers: list[dict[str, str]] = []
        self.ports: list[int] = []  # of the client's connections, one a request

    def shutdown(self) -> None:
        """Let go of what waits, and stop."""
        self.released.set()
        super().shutdown()

    def answer(self, request: bytes) -> bytes | None:
        """Answer a request in the engine's stead; None lets it pass."""

    def retouch(self, _operation: str, reply: bytes) -> bytes:
        """Return what the client reads of a reply."""
        return reply

    def deliver(self) -> int:
        """Apply what was held back, long after its callers have gone; return how much that was."""
        late, self.held = self.held, []
        for apply in late:
            apply()
        return len(late)


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server: FaultProxy

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.operations.append(self.headers["X-Amz-Target"].rsplit(".")[-1])
        self.server.headers.append(dict(self.headers))
        self.server.ports.append(self.client_address[1])
        if self.server.refuses_old_signatures and abs(self._age()) > 300:
            self._answer(400, _error("InvalidSignatureException", "Signature expired: too old"))
            return
        fault = self.server.faults.popleft() if self.server.faults else PASS
        if not isinstance(fault, str):
            fault()
            fault = PASS
        if fault == HOLD:
            self.server.held.append(lambda: self._forward(body))
        if fault in {HANG, HOLD}:
            self.server.hanging.set()
            self.server.released.wait()
        if fault in {HANG, HOLD, REFUSE}:
            self.close_connection = True
        elif fault in REFUSALS:
            self._answer(400, _error(REFUSALS[fault]))
        else:
            status, reply = self._forward(body)
            self._finish_with(fault, status, reply)

    def do_GET(self) -> None:
        self.server.operations.append("GET")
        if self.server.faults and self.server.faults.popleft() == REFUSE:
            self.close_connection = True
            return
        self._answer(400, _error("MissingAuthenticationToken"))

    def _forward(self, body: bytes) -> tuple[int, bytes]:
        operation = self.headers["X-Amz-Target"].rsplit(".")[-1]
        if operation == "UpdateTable" and (own := self.server.answer(body)):
            return 400 if b"Exception" in own else 200, own
        connection = http.client.HTTPConnection(self.server.upstream)
        connection.request("POST", "/", body, dict(self.headers))
        response = connection.getresponse()
        reply = response.read()
        connection.close()
        reply = self.server.retouch(operation, reply)
        self.server.replies.append(reply)
        return response.status, reply

    def _finish_with(self, fault: str, status: int, reply: bytes) -> None:
        if fault == NOT_YET:
            reply = reply.replace(b'"ACTIVE"', b'"CREATING"')
        if fault in {PASS, NOT_YET}:
            self._answer(status, reply)
        elif fault == OTHER_REPLY:
            self._answer(200, b"{} ", checksum=zlib.crc32(reply))
        elif fault == ERROR_AFTER:
            self._answer(500, _error("InternalServerError"))
        else:
            self.close_connection = True
            if fault == CUT_REPLY:
                self._answer(status, reply + b" " * 99, cut=99)

    def _age(self) -> float:
        """Return how many seconds ago a request was signed, by the proxy's clock."""
        signed = datetime.strptime(self.headers["X-Amz-Date"], "%Y%m%dT%H%M%S%z")
        return time.time() + self.server.clock_ahead - signed.timestamp()

    def _answer(self, status: int, reply: bytes, cut: int = 0, checksum: int | None = None) -> None:
        self.send_response(status)
        self.send_header("x-amz-crc32", str(zlib.crc32(reply) if checksum is None else checksum))
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply[: len(reply) - cut])

    def date_time_string(self, timestamp: float | None = None) -> str:
        return super().date_time_string((timestamp or time.time()) + self.server.clock_ahead)

    def log_message(self, *_: object) -> None:
        pass


def _error(code: str, message: str = "") -> bytes:
    kind = f"com.amazonaws.dynamodb.v20120810#{code}"
    return json.dumps({"__type": kind, "message": message}).encode()


@contextmanager
def fault_proxy(upstream: str) -> Iterator[FaultProxy]:
    """Run a proxy in front of an engine."""
    with running(FaultProxy(upstream)) as proxy:
        yield proxy


@contextmanager
def running(proxy: Proxy) -> Iterator[Proxy]:
    """Run a proxy of any kind."""
    thread = threading.Thread(target=proxy.serve_forever, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.shutdown()
        proxy.server_close()
        thread.join()
