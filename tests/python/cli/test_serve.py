"""`lambdatotp serve`: the app on this machine."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys

import pyotp
import pytest

from tests.python.support import ROOT
from tests.python.support.chalice_local import call, told
from tests.python.support.cli import shell
from tests.python.support.serve import free_port, serving


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_it_is_stopped(tmp_path, how):
    users = tmp_path / "users.db"
    with serving("--embedded", str(users), "--app", str(ROOT), cwd=tmp_path) as served:
        process, port = served.process, served.port
        assert f"lambdatotp serves at http://127.0.0.1:{port}" in served.said
        assert f"Users are kept in {users}." in served.said
        status, body = call(port, "POST", "/", {"user": "ana"})
        assert status == 201
        code = pyotp.parse_uri(body["qr_code"]).now()
        answer = call(port, "POST", "/verify", {"user": "ana", "code": code})
        assert answer == told(valid=True, first=True, left=10)
        process.send_signal(how)
        assert process.wait(30) == 0
        with pytest.raises(ConnectionRefusedError):
            call(port, "POST", "/", {"user": "bob"})
    assert users.stat().st_mode & 0o077 == 0


@pytest.mark.skipif(not shutil.which("curl"), reason="the commands use curl")
def test_the_commands_that_it_prints_work(tmp_path):
    """As somebody would paste them, from the folder of a clone."""
    with serving("--embedded", str(tmp_path / "users.db")) as served:
        blocks = re.findall(r"^  (curl .*?)\n\n", served.said + "\n\n", re.DOTALL | re.MULTILINE)
        assert len(blocks) == 2
        run = [
            subprocess.run(  # noqa: S602 - its own commands
                block, shell=True, cwd=ROOT, capture_output=True, text=True, check=True
            ).stdout
            for block in blocks
        ]
    assert "▀" in run[0]
    assert '{"code_is_valid":false,' in run[1]


def test_a_port_that_is_taken():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = shell("serve", "--port", str(port), "--embedded", ":memory:")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert f"port {port} cannot be used" in line
    assert f"--port {port + 1}" in line


def test_a_folder_without_an_app(tmp_path):
    done = shell("serve", "--app", str(tmp_path))
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "there is no app" in line
    assert "--app" in line


def test_an_app_that_does_not_start(tmp_path):
    (tmp_path / ".chalice").mkdir()
    (tmp_path / ".chalice" / "config.json").write_text('{"version": "2.0", "app_name": "x"}')
    (tmp_path / "app.py").write_text("raise SystemExit('broken')\n")
    done = subprocess.run(
        [sys.executable, "-m", "lambdatotp", "serve", "--app", ".", "--port", str(free_port())],
        cwd=tmp_path,
        env={**os.environ, "LAMBDATOTP_EMBEDDED": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "lambdatotp: the app did not start: see above"
