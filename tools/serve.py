"""Serve the app on this machine, with its users in a file: what `make run` does."""

from __future__ import annotations

import argparse
import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).parents[1]

BANNER = """
lambdatotp serves at {url}
Users are kept in {database}. Ctrl-C stops it.
Enroll in a browser at {url}/enroll

Register a user, and see the QR code to scan with an authenticator app:

  curl -sS {url}/ -H 'Content-Type: application/json' \\
    -d '{{"user": "ana@example.com"}}' | .venv/bin/python -c \\
    'import json, sys, lambdatotp; print(lambdatotp.qr_terminal(json.load(sys.stdin)["qr_code"]))'

Verify the code that the app shows; a second time, the same code is refused:

  curl -sS {url}/verify -H 'Content-Type: application/json' \\
    -d '{{"user": "ana@example.com", "code": "123456"}}'
"""


def main() -> int:
    """Run `chalice local`; say how to use it once it serves."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8000, help="port on 127.0.0.1 (8000)")
    parser.add_argument("--database", default="lambdatotp.db", help="file, or :memory:")
    options = parser.parse_args()
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", options.port))
        except OSError as error:
            print(
                f"Port {options.port} cannot be used ({error.strerror}): make run PORT=8001",
                file=sys.stderr,
            )
            return 1
    database = options.database
    if database != ":memory:":
        database = str(Path(database).resolve())
    chalice = Path(sys.executable).parent / "chalice"
    process = subprocess.Popen(
        [chalice, "local", "--no-autoreload", "--port", str(options.port)],
        cwd=ROOT,
        env={
            **os.environ,
            "LAMBDATOTP_EMBEDDED": database,
            "LAMBDATOTP_ENROLL_PAGE": "on",
            "PYTHONUNBUFFERED": "1",
        },
        stdout=subprocess.PIPE,
        text=True,
    )
    signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    with suppress(KeyboardInterrupt):
        for line in process.stdout or ():
            if line.startswith("Serving on"):
                url = f"http://127.0.0.1:{options.port}"
                print(BANNER.format(url=url, database=database), flush=True)
            else:
                sys.stdout.write(line)
    process.terminate()
    process.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
