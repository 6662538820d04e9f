"""An HTTP proxy: CONNECT for https, whole URLs for http."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager, suppress
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    for end in (source, sink):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


class ProxyServer:
    """Knows the way to hosts that nobody else does, and who has asked for them."""

    def __init__(self) -> None:
        self.routes: dict[str, str] = {}
        self.asked: list[str] = []
        self.credentials: set[str | None] = set()
        self.wanted: str | None = None  # Proxy-Authorization
        proxy = self

        class Handler(StreamRequestHandler):
            def handle(self) -> None:
                lines = []
                while (line := self.rfile.readline()) not in {b"\r\n", b""}:
                    lines.append(line.decode().rstrip("\r\n"))
                if not lines:
                    return
                method, target, _ = lines[0].split(" ")
                headers = dict(line.split(": ", 1) for line in lines[1:])
                headers = {name.lower(): value for name, value in headers.items()}
                given = headers.get("proxy-authorization")
                proxy.asked.append(f"{method} {target}")
                proxy.credentials.add(given)
                if proxy.wanted not in {None, given}:
                    self.wfile.write(b"HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n")
                    return
                tunnel = method == "CONNECT"
                host = target if tunnel else urlsplit(target).netloc
                parts = urlsplit(proxy.routes.get(host, f"http://{host}"))
                with socket.create_connection((parts.hostname, parts.port)) as upstream:
                    if tunnel:
                        self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
                        threading.Thread(
                            target=_pump, args=(self.connection, upstream), daemon=True
                        ).start()
                        _pump(upstream, self.connection)
                        return
                    del headers["connection" if "connection" in headers else "host"]
                    body = self.rfile.read(int(headers.get("content-length", 0)))
                    path = urlsplit(target).path or "/"
                    kept = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
                    head = f"{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n"
                    upstream.sendall(f"{head}{kept}\r\n".encode() + body)
                    _pump(upstream, self.connection)

        class Server(ThreadingTCPServer):
            daemon_threads = True

        self.server = Server(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self.server.server_address[1]}"
        self.url = f"http://{self.host}"


@contextmanager
def proxy_server() -> Iterator[ProxyServer]:
    """Run a proxy."""
    made = ProxyServer()
    thread = threading.Thread(target=made.server.serve_forever, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made.server.shutdown()
        made.server.server_close()
        thread.join()
