"""A real `chalice local`, and a call of what it serves."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.python.support import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

CHALICE = Path(sys.executable).parent / "chalice"


@contextmanager
def chalice_local(root: Path = ROOT, chalice: Path = CHALICE, **variables: str) -> Iterator[int]:
    """Run `chalice local` on a free port; yields the port, once it serves."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [chalice, "local", "--no-autoreload", "--port", str(port)],
        cwd=root,
        env={**os.environ, "PYTHONUNBUFFERED": "1", **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    lines = []
    try:
        for line in process.stdout:
            lines.append(line)
            if "Serving on" in line:
                break
        else:
            raise AssertionError("".join(lines))
        yield port
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        finally:
            process.stdout.close()


def told(*, valid: bool, left: int, first: bool = False) -> tuple[int, dict[str, bool | int]]:
    """Return what a verdict on a user without recovery codes looks like."""
    body = {"code_is_valid": valid, "first": first, "attempts_left": left}
    return 200, {**body, "recovery_codes_left": 0}


def call(port: int, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    if body is not None and not isinstance(body, str):
        body, headers = json.dumps(body), {"Content-Type": "application/json", **headers}
    connection.request(method, path, body, headers)
    response = connection.getresponse()
    raw = response.read()
    connection.close()
    return response.status, json.loads(raw) if raw else None
