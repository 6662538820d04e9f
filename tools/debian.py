"""Programs that the tests use, from Debian's packages, where it may be done."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys


def _as_root() -> list[str] | None:
    """Say what goes before a command that only root may run."""
    if os.geteuid() == 0:
        return []
    sudo = shutil.which("sudo")
    if sudo and subprocess.run([sudo, "-n", "true"], capture_output=True, check=False).returncode:
        return None
    return [sudo, "-n"] if sudo else None


def install(*packages: str) -> None:
    """Install packages, if apt-get is here and we are root or may be without a password."""
    root, apt = _as_root(), shutil.which("apt-get")
    if not apt or root is None:
        return
    print(f"lambdatotp: installing {' '.join(packages)} ...", file=sys.stderr)
    command = [*root, "env", "DEBIAN_FRONTEND=noninteractive", apt]
    wanted = ["install", "-y", "-qq", "--no-install-recommends", *packages]
    for arguments in (["update", "-qq"], wanted):
        subprocess.run([*command, *arguments], check=False, stdout=subprocess.DEVNULL)
