"""MiniStack, a small AWS on this machine: CloudFormation, API Gateway, Lambda, IAM, DynamoDB.

It runs functions as processes, without docker, each with the credentials of its role; and it
asks that role's policies for every request, as AWS does. It has an environment of its own in
the cache: what it pins is not what we pin, and functions are to see nothing of ours.

    python -m tools.ministack            # install it
    python -m tools.ministack --serve    # run it until interrupted
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from tools.npm import CACHE

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
GROUP = "emulator"
REGION = "eu-west-1"
STARTUP_SECONDS = 120


def fetch() -> Path:
    """Return the folder of the environment's programs, installed on the first call."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    found = re.search(rf"^{GROUP} = \[(.*?)^\]", text, re.MULTILINE | re.DOTALL)
    if not found:
        raise RuntimeError(f"pyproject.toml has no dependency group {GROUP}")
    pins = hashlib.sha256(found[1].encode()).hexdigest()[:12]
    target = CACHE / f"ministack-{sys.version_info.major}.{sys.version_info.minor}-{pins}"
    # Its programs name the folder they are in: it cannot be made elsewhere and moved.
    done = target / "installed"
    if not done.exists():
        shutil.rmtree(target, ignore_errors=True)
        CACHE.mkdir(parents=True, exist_ok=True)
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", target], check=True)
        pip = [sys.executable, "-m", "pip", "--python", str(target / "bin" / "python"), "install"]
        quiet = ["--quiet", "--disable-pip-version-check", "--no-compile"]
        group = ["--group", f"{ROOT / 'pyproject.toml'}:{GROUP}"]
        subprocess.run([*pip, *quiet, *group], check=True)
        done.touch()
    return target / "bin"


def environment(**more: str) -> dict[str, str]:
    """Return what programs that use the emulator need to know, and nothing of the caller's."""
    return {
        "PATH": f"{fetch()}:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        **more,
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_it_answers(process: subprocess.Popen[bytes], url: str) -> None:
    deadline = time.monotonic() + STARTUP_SECONDS
    while True:
        with suppress(OSError), urllib.request.urlopen(f"{url}/_ministack/health"):
            return
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError("MiniStack did not start")
        time.sleep(0.05)  # nothing announces that it is ready


@contextmanager
def running(log: int | None = subprocess.DEVNULL) -> Iterator[str]:
    """Run an empty AWS, which checks signatures and policies; yields its endpoint URL.

    The access key `test` is the account's root. What it and its functions write goes to `log`.
    """
    python, port = fetch() / "python", _free_port()
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory(prefix="ministack-") as scratch:
        variables = environment(
            HOME=scratch,
            TMPDIR=scratch,
            AUTH="true",
            BIND_HOST="127.0.0.1",
            GATEWAY_PORT=str(port),
            MINISTACK_REGION=REGION,
            # What Lambda tells a function that starts for requests; functions inherit it.
            AWS_LAMBDA_INITIALIZATION_TYPE="on-demand",
        )
        process = subprocess.Popen(
            [python, "-m", "ministack"],
            cwd=scratch,
            env=variables,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            _wait_until_it_answers(process, url)
            yield url
        finally:
            # With the processes of its functions.
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def main() -> None:
    """Install, and run if asked to."""
    parser = argparse.ArgumentParser(description="Install MiniStack, or run it.")
    parser.add_argument("--serve", action="store_true", help="run it until interrupted")
    if not parser.parse_args().serve:
        print(fetch())
        return
    with running(log=None) as url:
        print(url, flush=True)
        with suppress(KeyboardInterrupt):
            signal.pause()


if __name__ == "__main__":
    main()
