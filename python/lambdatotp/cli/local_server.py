"""The server of `lambdatotp serve`: Chalice's local gateway, behind a server for this machine."""

from __future__ import annotations

import base64
import json
import logging
import re
import sys
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import click
from chalice.cli.factory import CLIFactory
from chalice.local import LocalChalice, LocalGateway, LocalGatewayException
from waitress.server import create_server

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from waitress.server import BaseWSGIServer, MultiSocketServer

THREADS = 8
# Concurrent connections; the kernel queues as many more.
MAX_CLIENTS = 500
MAX_HEADER_BYTES = 64 * 1024
# As API Gateway has it.
MAX_BODY_BYTES = 10 * 1024 * 1024

# Status, headers and body.
Answer = tuple[int, dict[str, Any], str | bytes]

# Names that lead to this machine only, with whatever port a tunnel has.
HOST = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:[0-9]{1,5})?", re.IGNORECASE)


class App:
    """The Chalice app in `folder`, as a WSGI application for this machine's own clients."""

    def __init__(self, folder: Path) -> None:
        config = CLIFactory(str(folder)).create_config_obj()
        app = config.chalice_app
        # Chalice's own way to give each thread a request of its own.
        app.__class__ = type("LocalApp", (LocalChalice, type(app)), {})
        self._gateway = LocalGateway(app, config)

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        """Answer one request."""
        method, uri = environ["REQUEST_METHOD"], environ["REQUEST_URI"]
        path = uri.partition("?")[0]
        problem = refused(environ, path)
        status, headers, body = _refusal(problem) if problem else self._answer(method, uri, environ)
        headers = {"Content-Type": "application/json", **headers}
        raw = body if isinstance(body, bytes) else body.encode()
        start_response(
            f"{status} {HTTPStatus(status).phrase}",
            [
                (name, value)
                for name, values in headers.items()
                for value in (values if isinstance(values, list) else [values])
            ],
        )
        # Without the query, which may hold codes, and without control characters.
        click.echo(f"{ascii(f'{method} {path}')[1:-1]} {status}", err=True)
        return [b""] if method == "HEAD" else [raw]

    def _answer(self, method: str, uri: str, environ: dict[str, Any]) -> Answer:
        headers = {
            name.removeprefix("HTTP_").replace("_", "-").lower(): value
            for name, value in environ.items()
            if name.startswith("HTTP_") or name in {"CONTENT_TYPE", "CONTENT_LENGTH"}
        }
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        try:
            reply = self._gateway.handle_request(method, uri, headers, body or None)
        except LocalGatewayException as error:
            return error.CODE, error.headers, error.body or b""
        content: str | bytes = reply["body"] or ""
        if reply.get("isBase64Encoded"):
            content = base64.b64decode(content)
        return reply["statusCode"], {**reply["headers"], **reply["multiValueHeaders"]}, content


def _refusal(problem: str) -> Answer:
    return 403, {}, json.dumps({"Code": "ForbiddenError", "Message": problem})


def refused(environ: dict[str, Any], path: str) -> str | None:
    """Say why a request is not one of this machine's own, if it is not.

    A name that somebody else has pointed at 127.0.0.1 is in `Host`, and a page of another
    site in `Origin` or `Sec-Fetch-Site`: browsers send them, and no page can change them.
    """
    host = environ.get("HTTP_HOST", "")
    if not HOST.fullmatch(host):
        return "lambdatotp serve answers to 127.0.0.1 and localhost only."
    origin = environ.get("HTTP_ORIGIN")
    foreign = origin is not None and origin.lower() != f"http://{host}".lower()
    # A link to the page does no harm.
    if foreign or (environ.get("HTTP_SEC_FETCH_SITE") == "cross-site" and path != "/enroll"):
        return "lambdatotp serve refuses requests from pages of other sites."
    return None


def make(folder: Path, listening: socket.socket) -> BaseWSGIServer | MultiSocketServer:
    """Make the server of the app in a folder, on a socket that is bound to 127.0.0.1.

    It serves from `run()` on, until the process is interrupted.
    """
    logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(message)s")
    # A queue is expected where there are more clients than threads.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    # Waitress hands Content-Length to int(), which fails on thousands of digits (since 3.10.7).
    if hasattr(sys, "set_int_max_str_digits"):
        sys.set_int_max_str_digits(MAX_HEADER_BYTES)
    return create_server(
        App(folder),
        sockets=[listening],
        threads=THREADS,
        connection_limit=MAX_CLIENTS,
        max_request_header_size=MAX_HEADER_BYTES,
        max_request_body_size=MAX_BODY_BYTES,
        # select() ends at the 1024th file.
        asyncore_use_poll=True,
        ident=None,
    )
