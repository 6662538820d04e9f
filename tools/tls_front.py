"""TLS in front of a plain endpoint, with a certificate of a throw-away authority."""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import trustme

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CHUNK = 64 * 1024


@dataclass
class Front:
    """Where the front is, what to trust to reach it, and how often that was done."""

    url: str
    bundle: Path
    connections: int = 0


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(CHUNK):
            sink.sendall(data)
    for end in (source, sink):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


def _serve(client: socket.socket, context: ssl.SSLContext, upstream: tuple[str, int]) -> None:
    # A client that does not trust the certificate hangs up in the handshake.
    with (
        suppress(OSError),
        context.wrap_socket(client, server_side=True) as inner,
        socket.create_connection(upstream) as outer,
    ):
        for end in (inner, outer):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        back = threading.Thread(target=_pump, args=(outer, inner), daemon=True)
        back.start()
        _pump(inner, outer)
        back.join()


@contextmanager
def tls_front(endpoint: str, folder: Path, name: str = "localhost") -> Iterator[Front]:
    """Serve `endpoint` over TLS. The certificate is for `name`, the URL for localhost."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    bundle = folder / "authority.pem"
    authority.cert_pem.write_to_path(str(bundle))
    parts = urlsplit(endpoint)
    upstream = (parts.hostname or "127.0.0.1", parts.port or 80)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        front = Front(f"https://localhost:{listener.getsockname()[1]}", bundle)

        def accept() -> None:
            with suppress(OSError):
                while True:
                    client, _ = listener.accept()
                    front.connections += 1
                    arguments = (client, context, upstream)
                    threading.Thread(target=_serve, args=arguments, daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield front
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
