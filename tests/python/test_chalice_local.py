"""The service as `make run` runs it: a real `chalice local`, and a table in a file."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pyotp

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
CHALICE = Path(sys.executable).parent / "chalice"


@contextmanager
def chalice_local(**variables: str) -> Iterator[int]:
    """Run `chalice local` on a free port; yields the port, once it serves."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [CHALICE, "local", "--no-autoreload", "--port", str(port)],
        cwd=ROOT,
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


def call(port: int, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    if body is not None and not isinstance(body, str):
        body, headers = json.dumps(body), {"Content-Type": "application/json", **headers}
    connection.request(method, path, body, headers)
    response = connection.getresponse()
    raw = response.read()
    connection.close()
    return response.status, json.loads(raw) if raw else None


def test_users_survive_a_restart(tmp_path):
    user = "zoë+a/b c%@example.com"
    at = str(tmp_path / "users.db")
    with chalice_local(LAMBDATOTP_EMBEDDED=at) as port:
        status, body = call(port, "POST", "/", {"user": user})
        assert (status, body["user_id"]) == (201, user)
        totp = pyotp.parse_uri(body["qr_code"])
        first = totp.now()
        query = f"user={quote(user, safe='')}&code={first}"
        assert call(port, "GET", f"/verify?{query}") == (200, {"code_is_valid": True})
        assert call(port, "GET", f"/?{query}") == (200, {"code_is_valid": False})
    assert (tmp_path / "users.db").stat().st_mode & 0o077 == 0
    with chalice_local(LAMBDATOTP_EMBEDDED=at, LAMBDATOTP_API_TOKEN="secret-of-the-app") as port:
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        bearer = {"Authorization": "Bearer secret-of-the-app"}
        assert call(port, "GET", f"/verify?{query}")[0] == 401
        assert call(port, "POST", "/verify", query, **form, **bearer) == (
            200,
            {"code_is_valid": False},
        )
        later = {"user": user, "code": totp.at(time.time(), counter_offset=1)}
        assert call(port, "POST", "/verify", later, **bearer) == (200, {"code_is_valid": True})
        path = "/" + quote(user, safe="")
        assert call(port, "DELETE", path, **bearer) == (204, None)
        assert call(port, "DELETE", path, **bearer)[0] == 404
