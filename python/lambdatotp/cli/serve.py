"""`lambdatotp serve`: the app on this machine, which `make run` runs."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import click

import lambdatotp

BANNER = """
lambdatotp serves at {url}
Users are kept in {database}. Ctrl-C stops it.

Enroll a user in the browser: {url}/enroll

Or register one here, and see the QR code to scan with an authenticator app:

  curl -sS {url}/ -H 'Content-Type: application/json' \\
    -d '{{"user": "ana@example.com"}}' | {python} -c \\
    'import json, sys, lambdatotp; print(lambdatotp.qr_terminal(json.load(sys.stdin)["qr_code"]))'

Verify the code that the app shows; a second time, the same code is refused:

  curl -sS {url}/verify -H 'Content-Type: application/json' \\
    -d '{{"user": "ana@example.com", "code": "123456"}}'
"""


def _folder(given: str | None) -> Path:
    """Find the app: here or above, or where this package lies in a clone."""
    if given is not None:
        candidates = [Path(given)]
    else:
        here = Path.cwd()
        candidates = [here, *here.parents, Path(lambdatotp.__file__).parents[2]]
    for folder in candidates:
        if (folder / "app.py").is_file() and (folder / ".chalice").is_dir():
            return folder
    where = f"in {given}" if given else "here"
    raise click.UsageError(
        f"there is no app {where}: run this in a clone of lambdatotp, which has app.py, or name "
        "the folder by --app"
    )


def _chalice() -> str:
    beside = Path(sys.executable).parent / "chalice"
    found = str(beside) if beside.is_file() else shutil.which("chalice")
    if found is None:
        raise click.UsageError(
            "Chalice is not installed, which serves the app: pip install chalice"
        )
    return found


def _check(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise click.ClickException(
                f"port {port} cannot be used ({error.strerror}): try --port {port + 1} "
                f"(make run PORT={port + 1})"
            ) from None


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), default=8000, show_default=True)
@click.option(
    "--embedded",
    default="lambdatotp.db",
    show_default=True,
    help="The file that keeps the users, or :memory:.",
)
@click.option("--app", help="The folder with app.py; by default it is looked for.")
def serve(port: int, embedded: str, app: str | None) -> None:
    """Serve the app on this machine.

    Its users are in a file; no AWS account is needed. The enrollment page is at /enroll. It
    listens on 127.0.0.1 only: for trying things out, and for developing against it.

    \b
    Examples:
      lambdatotp serve
      lambdatotp serve --port 8001 --embedded :memory:
    """
    folder, chalice = _folder(app), _chalice()
    _check(port)
    database = embedded if embedded == ":memory:" else str(Path(embedded).resolve())
    settings = {"LAMBDATOTP_ENROLL_PAGE": "on", "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(  # noqa: S603 - Chalice, as installed
        [chalice, "local", "--no-autoreload", "--port", str(port)],
        cwd=folder,
        env={**settings, **os.environ, "LAMBDATOTP_EMBEDDED": database},
        stdout=subprocess.PIPE,
        text=True,
    )
    signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    served = False
    with suppress(KeyboardInterrupt):
        for line in process.stdout or ():
            if line.startswith("Serving on"):
                served = True
                url = f"http://127.0.0.1:{port}"
                python = os.path.relpath(sys.executable)
                click.echo(BANNER.format(url=url, database=database, python=python))
            else:
                click.echo(line, nl=False)
    process.terminate()
    process.wait()
    if not served:
        raise click.ClickException("the app did not start: see above")
