"""`lambdatotp serve`: the app on this machine, which `make run` runs."""

from __future__ import annotations

import importlib.util
import os
import signal
import socket
import sys
import traceback
import warnings
from pathlib import Path

import click

import lambdatotp
from lambdatotp._permissions import warn

from .new import SCAFFOLD

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


def app_folder(given: str | None) -> Path:
    """Find the app: here or above, or the one that this package comes with."""
    if given is not None:
        candidates = [Path(given)]
    else:
        here = Path.cwd()
        candidates = [here, *here.parents, SCAFFOLD]
    for folder in candidates:
        if (folder / "app.py").is_file() and (folder / ".chalice").is_dir():
            return folder
    raise click.UsageError(
        f"there is no app in {given}: name a folder with app.py by --app, such as `lambdatotp new` "
        "makes"
    )


def _check_libraries() -> None:
    missing = [name for name in ("chalice", "waitress") if not importlib.util.find_spec(name)]
    if missing:
        raise click.UsageError(
            f"{' and '.join(missing)} is needed to serve the app: pip install 'lambdatotp[app]'"
        )


def _listen(port: int) -> socket.socket:
    try:
        return socket.create_server(("127.0.0.1", port))
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
@click.option(
    "--app",
    help="The folder with app.py.  [default: here or above, or the one that comes with lambdatotp]",
)
def serve(port: int, embedded: str, app: str | None) -> None:
    """Serve the app on this machine.

    Its users are in a file; no AWS account is needed. The enrollment page is at /enroll. It
    listens on 127.0.0.1 only: for trying things out, and for developing against it.

    \b
    Examples:
      lambdatotp serve
      lambdatotp serve --port 8001 --embedded :memory:
    """
    folder = app_folder(app).resolve()
    _check_libraries()
    # Chalice is not there for every command.
    from . import local_server  # noqa: PLC0415

    database = embedded if embedded == ":memory:" else str(Path(embedded).resolve())
    warn(database)
    # Said once: the app's own verifier need not say it again.
    warnings.simplefilter("ignore", lambdatotp.LambdaTotpWarning)
    os.environ.setdefault("LAMBDATOTP_ENROLL_PAGE", "demo")
    os.environ["LAMBDATOTP_EMBEDDED"] = database
    python = os.path.relpath(sys.executable)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with _listen(port) as listening:
        # The app may look for files beside it.
        os.chdir(folder)
        try:
            server = local_server.make(folder, listening)
        except SystemExit as stopped:
            # The app's own word.
            click.echo(stopped.code, err=True)
        except Exception:  # noqa: BLE001 - whatever the app raises when it is imported
            traceback.print_exc()
        else:
            url = f"http://127.0.0.1:{port}"
            click.echo(BANNER.format(url=url, database=database, python=python))
            server.run()
            return
    raise click.ClickException("the app did not start: see above")
