"""A Chromium for the tests of the enrollment page: find it, or install Debian's.

python tools/chromium.py    # say where it is
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PACKAGE = "chromium"


def find() -> str | None:
    """Return the browser on the PATH, if there is one."""
    return next(filter(None, map(shutil.which, NAMES)), None)


def _as_root() -> list[str] | None:
    """Say what goes before a command that only root may run."""
    if os.geteuid() == 0:
        return []
    sudo = shutil.which("sudo")
    if sudo and subprocess.run([sudo, "-n", "true"], capture_output=True, check=False).returncode:
        return None
    return [sudo, "-n"] if sudo else None


def fetch() -> str:
    """Return the browser, installed on the first call."""
    if browser := find():
        return browser
    root, apt = _as_root(), shutil.which("apt-get")
    if apt and root is not None:
        print(f"lambdatotp: installing {PACKAGE} ...", file=sys.stderr)
        install = ["install", "-y", "-qq", "--no-install-recommends", PACKAGE]
        command = [*root, "env", "DEBIAN_FRONTEND=noninteractive", apt]
        for arguments in (["update", "-qq"], install):
            subprocess.run([*command, *arguments], check=False, stdout=subprocess.DEVNULL)
        if browser := find():
            return browser
    sys.exit("The tests of the page need Chromium: apt-get install chromium, or Google Chrome")


if __name__ == "__main__":
    print(fetch())
